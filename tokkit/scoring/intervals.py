"""95% intervals of bits per byte, by the percentile bootstrap over documents.

Documents are drawn again with replacement, and the interval holds the middle 95% of the ratios of
the draws (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3). The draws
depend only on the number of documents, so that two models are drawn alike, and the difference of
their bits gives the paired difference. Many documents are put into groups that are drawn whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
LEAST_DOCUMENTS = 5
"""With fewer there is no interval: the draws would be too few to differ."""

_N_DRAWS = 2_000
_MOST_GROUPS = 5_000
_SEED = 0


@dataclass(frozen=True)
class Interval:
    """A figure, and where 95% of its draws lie."""

    value: float
    low: float
    high: float


def ratio_interval(bits: Sequence[float], n_bytes: Sequence[int]) -> Interval | None:
    """The sum of the bits over that of the bytes; None where there is no interval.

    Args:
        bits: of each document, or differences of them.
        n_bytes: of each document.
    """
    top, bottom = np.asarray(bits, dtype=np.float64), np.asarray(n_bytes, dtype=np.float64)
    top, bottom = top[bottom > 0], bottom[bottom > 0]
    if len(bottom) < LEAST_DOCUMENTS or not np.isfinite(top).all():
        return None
    value = float(top.sum() / bottom.sum())
    top, bottom = _grouped(top), _grouped(bottom)
    n = len(bottom)
    ratios = np.empty(_N_DRAWS)
    generator = np.random.default_rng(_SEED)
    for k in range(_N_DRAWS):
        drawn = np.bincount(generator.integers(n, size=n), minlength=n)
        ratios[k] = (drawn @ top) / (drawn @ bottom)
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def _grouped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over groups of documents, each of which takes every so-and-so-many-th."""
    if len(values) <= _MOST_GROUPS:
        return values
    group = np.arange(len(values)) % _MOST_GROUPS
    return np.bincount(group, weights=values, minlength=_MOST_GROUPS).astype(np.float64)
