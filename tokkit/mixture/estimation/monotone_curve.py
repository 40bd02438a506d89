"""A non-increasing curve through the merged pairs: for samples that are the training text itself.

Training merges the most frequent pair, so that with the right weights of the categories the shares
f_t of the merged pairs never rise along the list. If the samples hold just what training saw, this
holds to the last count, and the weights that make it hold are determined far more closely than any
smooth curve would tell: the curve is then an isotonic regression of the shares. With samples of
other text it follows their noise, and the smooth curve of `tokkit.mixture.estimation.estimator` is
better.

Weights and curve are fitted together by Gauss-Newton: the blocks of the isotonic regression are
held while the weights move, and their levels are eliminated (variable projection, Golub and
Pereyra, 1973). Residuals, variances and Huber weights are those of the smooth curve. That the curve
must fall is the model of Hayase et al. ("Data Mixture Inference", NeurIPS 2024); their objective is
that of `linear_program`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from tokkit.mixture.estimation.evidence import Evidence
from tokkit.mixture.estimation.residuals import (
    POWER,
    huber_precision,
    power_residuals,
    shifted,
    slopes,
    solve,
)
from tokkit.mixture.estimation.step_curve import fit_variance

Floats = NDArray[np.float64]

_LOWEST = 1e-9
"""The curve ends at this part of its beginning, at least."""
_SETTLED = 1e-9
_REFITS_VARIANCE = (0, 1, 3, 7, 15)


@dataclass(frozen=True, eq=False)
class MonotoneFit:
    """Weights under which the shares of the merged pairs fall.

    Attributes:
        weights: float64 (c,), shares of pairs.
        residuals: float64 (n_used,), ((f_t / L_t)^p - 1) / p.
        converged: whether the weights settled.
    """

    weights: Floats
    residuals: Floats
    converged: bool


def fit_monotone(
    evidence: Evidence, n_used: int, weights: Floats, *, max_iterations: int = 40
) -> MonotoneFit:
    """Fit the weights and a non-increasing curve.

    Args:
        evidence: the counts; some merge's pair stands in a sample.
        n_used: the first so many merges are used.
        weights: float64 (c,), shares of pairs to start from, all above 0.
        max_iterations: at most so many steps.
    """
    shares: Floats = evidence.merged[:n_used] / evidence.totals
    level = falling(shares @ weights, np.ones(n_used), np.ones(n_used))[0]
    precision = variance = np.ones(n_used)
    converged = False
    for k in range(max_iterations):
        mixed = shares @ weights
        level, edges = falling(mixed, precision, level)
        residuals = power_residuals(mixed / level)
        if k in _REFITS_VARIANCE:
            variance = fit_variance(residuals, level)
        precision = huber_precision(residuals, variance)
        by_weights = (shares - mixed[:, None]) * weights * slopes(mixed / level, level)[:, None]
        inner = by_weights - _block_means(by_weights, precision, edges)
        step = solve((inner.T * precision) @ inner, inner.T @ (precision * residuals))
        moved = shifted(weights, step)
        converged = float(np.abs(moved - weights).max()) < _SETTLED
        weights = moved
        if converged and k > _REFITS_VARIANCE[-1]:
            break
    mixed = shares @ weights
    level, _ = falling(mixed, precision, level)
    return MonotoneFit(weights, power_residuals(mixed / level), converged)


def falling(mixed: Floats, precision: Floats, level: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The non-increasing curve nearest to shares, on the scale of the residuals.

    Args:
        mixed: float64 (m,), shares, at least 0.
        precision: float64 (m,), of the residuals.
        level: float64 (m,), the curve so far, which residuals are relative to.

    Returns:
        float64 (m,), the curve; int64 (b + 1,), the edges of its level stretches.
    """
    fit = cast(Any, optimize).isotonic_regression(
        mixed**POWER, weights=precision / level ** (2 * POWER), increasing=False
    )
    curve: Floats = fit.x ** (1 / POWER)
    return np.maximum(curve, curve[0] * _LOWEST), fit.blocks.astype(np.int64)


def _block_means(rows: Floats, precision: Floats, edges: NDArray[np.int64]) -> Floats:
    """float64 (m, c): the weighted mean of each row's block."""
    sums = np.add.reduceat(rows * precision[:, None], edges[:-1], axis=0)
    return np.repeat(sums / np.add.reduceat(precision, edges[:-1])[:, None], np.diff(edges), axis=0)
