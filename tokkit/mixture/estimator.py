"""The default estimator of a data mixture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate

from tokkit.mixture.evidence import Evidence

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimate:
    """Shares of the training data, and how well they explain the merges.

    Attributes:
        weights: float64 (c,), the share of the training data's *bytes* in each category; sum 1.
        residuals: float64 (m,): the share of each merged pair in the mixture less that expected
            of its step, in standard errors; NaN where no sample supports the merge.
        unsupported: the share of merges whose pair stands in no sample.
        unexplained: a rough share (0 to 1) of the training data that no category explains.
        covariance: float64 (c, c), of the logarithms of `weights`, up to a common constant.
        converged: whether the iteration settled.
        n_iterations: how many there were.
    """

    weights: Floats
    residuals: Floats
    unsupported: float
    unexplained: float
    covariance: Floats
    converged: bool
    n_iterations: int


def estimate(evidence: Evidence, *, max_iterations: int = 60) -> Estimate:
    """Infer the shares of the training data.

    Args:
        evidence: the counts.
        max_iterations: of the Gauss-Newton iteration, at most.
    """
    totals = evidence.totals
    shares = evidence.merged / totals
    n = len(totals)
    basis = _basis(evidence.first + np.arange(len(shares), dtype=np.int64))
    weights = np.full(n, 1 / n)
    mixed = shares @ weights
    seen = mixed > 0
    curve: Floats = np.linalg.lstsq(basis[seen], np.log(mixed[seen]), rcond=None)[0]
    moved, k = np.inf, 0
    while True:
        k += 1
        expected = np.exp(basis @ curve)
        mixed = shares @ weights
        part = (shares + 0.5 * expected[:, None]) * weights
        part /= part.sum(axis=1, keepdims=True)
        variance = 3 * expected * (part @ (weights / totals)) + (0.02 * expected) ** 2
        residual = (mixed - expected) / np.sqrt(variance)
        precision = np.minimum(1, 3 / np.maximum(np.abs(residual), 1e-9)) / variance
        jacobian = np.hstack(
            [shares * weights - weights * mixed[:, None], -basis * expected[:, None]]
        )
        hessian = jacobian.T @ (jacobian * precision[:, None])
        gradient = jacobian.T @ (precision * (mixed - expected))
        step: Floats = -np.linalg.solve(
            hessian + 1e-6 * np.diag(np.diag(hessian) + 1e-12), gradient
        )
        step = cast(Floats, np.clip(step, -1, 1))
        logs = np.log(weights) + step[:n]
        new = np.exp(np.maximum(logs - logs.max(), -20))
        new /= new.sum()
        moved = np.abs(new - weights).max()
        weights, curve = new, curve + step[n:]
        if moved < 1e-7 or k == max_iterations:
            break
    supported = evidence.merged.any(axis=1)
    return Estimate(
        weights=evidence.bytes_from_pairs(weights),
        residuals=np.where(supported, residual, np.nan),
        unsupported=float(1 - supported.mean()),
        unexplained=float(expected[~supported].sum() / expected.sum()),
        covariance=cast(Floats, np.linalg.pinv(hessian))[:n, :n],
        converged=bool(moved < 1e-7),
        n_iterations=k,
    )


def _basis(steps: NDArray[np.int64], size: int = 25) -> Floats:
    """float64 (m, size): cubic splines of the logarithm of the step."""
    x: Floats = np.log(steps + 1.0)
    knots = np.interp(np.arange(size - 2), [0, size - 3], [x[0], x[-1]])
    padded = np.concatenate([knots[:1].repeat(3), knots, knots[-1:].repeat(3)])
    return cast(Any, interpolate.BSpline).design_matrix(x, padded, 3).toarray()
