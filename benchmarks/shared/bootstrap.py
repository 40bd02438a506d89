"""95% intervals of a ratio of sums, by the percentile bootstrap over documents.

A table's figure is a ratio of two sums over documents: bits over bytes, or hits over prompts. The
documents are drawn again with replacement, and the interval holds the middle 95% of the ratios of
the draws (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3). The draws
depend only on the number of documents and the seed, so two methods measured on the same documents
are drawn alike, and the ratio of the differences of their sums is the paired difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

N_DRAWS = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A ratio of sums, and where 95% of its draws lie."""

    value: float
    low: float
    high: float


def ratio_interval(
    numerators: Sequence[float], denominators: Sequence[float], *, seed: int = 0
) -> Interval:
    """The ratio of two sums over documents, with its interval.

    Args:
        numerators: one for each document; an infinite one makes all three figures infinite or
            undefined, as it should.
        denominators: one for each document, positive.
        seed: of the draws.

    Raises:
        ValueError: no documents, lists of different lengths, or a denominator that is not positive.
    """
    top = np.asarray(numerators, dtype=np.float64)
    bottom = np.asarray(denominators, dtype=np.float64)
    if top.ndim != 1 or top.shape != bottom.shape or not len(top):
        raise ValueError(f"got {top.shape} numerators for {bottom.shape} denominators")
    if not (bottom > 0).all():
        raise ValueError(f"a denominator is {bottom.min()}, expected positive ones")
    value = float(top.sum() / bottom.sum())
    if not np.isfinite(top).all():
        return Interval(value, value, value)
    n = len(top)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_DRAWS)
    ratios = (draws @ top) / (draws @ bottom)
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def paired_interval(
    ours: Sequence[float], theirs: Sequence[float], denominators: Sequence[float], *, seed: int = 0
) -> Interval:
    """`ratio_interval` of `ours` minus that of `theirs`, measured on the same documents."""
    differences = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    return ratio_interval(differences.tolist(), denominators, seed=seed)


def shown(interval: Interval, *, digits: int = 3, sign: str = "") -> str:
    """`value (low to high)`."""
    if math.isinf(interval.value):
        return "infinite"
    numbers = (interval.value, interval.low, interval.high)
    value, low, high = (f"{number:{sign}.{digits}f}" for number in numbers)
    return f"{value} ({low} to {high})"
