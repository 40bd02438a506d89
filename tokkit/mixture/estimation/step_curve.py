"""What is a smooth function of the step of a merge: bases, and the spread around the curve.

The count of the chosen pair falls slowly along a merge list. Its logarithm is a cubic spline of the
logarithm of the step. How far the merges scatter around it is a function of the expected count
alone, so that no merge's weight depends on its own count (weights that do are biased: low counts
would seem precise). The variance is a sum, with coefficients at least 0, of a constant (samples
that differ from the training text), the inverse of the expected count (counting noise) and its
square root and square (bursts, of which counting noise and difference are the extremes).
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, optimize

Floats = NDArray[np.float64]

_FEW = 16
"""Below so many steps the curve is a constant."""

_OFFSET = 10.0
"""Added to the step, lest there be more splines than merges at the beginning."""

_CLIP = 9.0
"""A squared residual counts as at most so many variances."""

_FLOOR = 1e-5
"""Variances are at least this."""


def spline_basis(steps: NDArray[np.int64], size: int) -> Floats:
    """Cubic B-splines of the logarithm of the step (and some more).

    Args:
        steps: int64 (m,), ascending, at least 1.
        size: number of splines; less if there are few steps.

    Returns:
        float64 (m, k), rows of sum 1.
    """
    if len(steps) < _FEW:
        return np.ones((len(steps), 1))
    size = max(4, min(size, len(steps) // 8))
    x: Floats = np.log(steps + _OFFSET)
    knots = np.interp(np.arange(size - 2), [0, size - 3], [x[0], x[-1]])
    padded = np.concatenate([knots[:1].repeat(3), knots, knots[-1:].repeat(3)])
    return cast(Any, interpolate.BSpline).design_matrix(x, padded, 3).toarray()


def fit_variance(residuals: Floats, expected: Floats, *, rounds: int = 4) -> Floats:
    """The variance of residuals as a function of the expected count.

    Args:
        residuals: float64 (m,), relative to the expected count.
        expected: float64 (m,), above 0, in any unit.
        rounds: of reweighted least squares.

    Returns:
        float64 (m,), the variance at each step.
    """
    inverse = expected.max() / expected
    terms = np.stack([np.ones_like(inverse), np.sqrt(inverse), inverse, inverse**2], axis=1)
    squares = residuals**2
    variance = np.full(len(squares), max(_FLOOR, 2 * float(np.median(np.minimum(squares, 1)))))
    for _ in range(rounds):
        clipped = np.minimum(squares, _CLIP * variance)
        solution: Floats = cast(Any, optimize).nnls(terms / variance[:, None], clipped / variance)[
            0
        ]
        variance = np.maximum(terms @ solution, _FLOOR)
    return variance
