"""95% intervals by the percentile bootstrap over texts.

Texts are drawn again with replacement, and the interval holds the middle 95% of the figures of the
draws (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3). The draws
depend only on the number of texts, so that two figures over the same texts are drawn alike, and the
ratio of two languages is drawn in pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tokkit.report.section import Bar

N_DRAWS = 2_000
LEVEL = 0.95
_SEED = 0


@dataclass(frozen=True)
class Estimate:
    """A figure, and where 95% of its draws lie; rounded to what a reader needs."""

    value: float
    low: float
    high: float

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends."""
        return self.low, self.high

    def bar(self, label: str) -> Bar:
        """For a chart."""
        return label, self.value, self.interval


def ratio(numerators: Sequence[float], denominators: Sequence[float], digits: int = 3) -> Estimate:
    """The ratio of two sums over texts, with its interval.

    Args:
        numerators: one for each text.
        denominators: one for each text; their sum is positive.
        digits: after the point.
    """
    top = np.asarray(numerators, dtype=np.float64)
    bottom = np.asarray(denominators, dtype=np.float64)
    weights = draws(len(top))
    drawn_bottom = weights @ bottom
    drawn = (weights @ top)[drawn_bottom > 0] / drawn_bottom[drawn_bottom > 0]
    return estimate(float(top.sum() / bottom.sum()), drawn, digits)


def estimate(value: float, drawn: NDArray[np.float64], digits: int = 3) -> Estimate:
    """A figure with the middle of its draws."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(round(value, digits), round(float(low), digits), round(float(high), digits))


@lru_cache(maxsize=16)
def draws(n: int, n_draws: int = N_DRAWS) -> NDArray[np.float64]:
    """float64 (n_draws, n): how often each text is in each draw."""
    generator = np.random.default_rng(_SEED)
    drawn = generator.multinomial(n, np.full(n, 1 / n), size=n_draws)
    return drawn.astype(np.float64)
