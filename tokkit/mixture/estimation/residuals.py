"""Residuals of merges around a curve, and the steps of a fit: what both curves have in common.

The residual of a pair whose share is f, where the curve is at L, is ((f / L)^p - 1) / p with
p = 2/3, the power that makes counts nearly symmetric (Anscombe, 1953). A pair that no sample holds
has a finite residual. Weights move by their logarithms, so that they stay above 0.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POWER = 2 / 3
_HUBER = 3.0
"""Residuals beyond so many standard errors count less (Huber's weights)."""
_LOWEST = -16.0
"""Logarithm of the smallest weight, relative to the largest."""


def power_residuals(ratio: Floats) -> Floats:
    """((observed / expected)^p - 1) / p."""
    return (ratio**POWER - 1) / POWER


def slopes(ratio: Floats, expected: Floats) -> Floats:
    """The derivative of the residuals by the share, tamed where nearly nothing was observed."""
    return np.where(ratio > 0, np.maximum(ratio, 0.05) ** (POWER - 1), 0) / expected


def huber_precision(residuals: Floats, variance: Floats) -> Floats:
    """The inverse of the variance, less for outliers."""
    standard = np.abs(residuals) / np.sqrt(variance)
    return np.minimum(1, _HUBER / np.maximum(standard, _HUBER)) / variance


def solve(hessian: Floats, score: Floats) -> Floats:
    """The step against a score, slightly damped, at most 1 in each coordinate."""
    diagonal = np.diag(hessian)
    damped = hessian + np.diag(1e-6 * diagonal + 1e-12 * (1 + float(diagonal.max())))
    return np.clip(-cast(Floats, np.linalg.solve(damped, score)), -1.0, 1.0)


def shifted(weights: Floats, step: Floats) -> Floats:
    """Weights whose logarithms have changed by `step`, of sum 1."""
    logs = np.log(weights) + step
    new = np.exp(np.maximum(logs - logs.max(), _LOWEST))
    return new / new.sum()
