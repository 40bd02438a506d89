"""The default estimator of a data mixture: a smooth curve through the merged pairs.

With weights a_i of the categories (shares of pairs), c_i(t) the count of the pair of merge t in the
sample of category i, and d_i the count of all pairs in that sample at first, the pair's share in
the mixture is f_t = sum_i a_i c_i(t) / d_i. Training chose at each step the most frequent pair, so
that f_t follows a slowly falling curve L_t. Weights and curve are fitted together:

- The residual of a merge is ((f_t / L_t)^p - 1) / p with p = 2/3, the power that makes counts
  nearly symmetric (Anscombe, 1953). A pair that no sample holds has a finite residual.
- Its variance is a function of the step alone (`step_curve.fit_variance`).
- Huber weights limit what one merge can do.
- A *competitor*, a pair that stands after some merges, exceeds the curve only by noise: what it
  exceeds it by beyond one standard error is a residual too.

Later merges have low counts; there the noise of the training text itself decides which pair comes
first, to a different degree in each category. So merges are used only as long as their variance is
below a limit (and some for each category in any case). Solved by Gauss-Newton in the logarithms
of the weights, from a robust fit of the logarithms of the first merges, on a doubling number of
merges.

Where the samples are the training text itself, a curve that only has to fall leaves next to no
residual, and gives the weights to many more digits: `monotone_curve` is then taken instead.

The model is that of Hayase et al. ("Data Mixture Inference", NeurIPS 2024); the objective is not
theirs, which `linear_program` solves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.mixture.estimation.evidence import Evidence
from tokkit.mixture.estimation.missing import MissingTest, count_lacking
from tokkit.mixture.estimation.monotone_curve import fit_monotone
from tokkit.mixture.estimation.residuals import (
    huber_precision,
    power_residuals,
    shifted,
    slopes,
    solve,
)
from tokkit.mixture.estimation.step_curve import fit_variance, spline_basis

Floats = NDArray[np.float64]

_BEYOND = 1.0
"""Standard errors that a competitor may exceed the curve by."""
_START = 500
"""Merges of the first, logarithmic fit."""
_FEWEST = 1_000
_FEWEST_EACH = 50
"""So many merges, and so many for each category, are used whatever their variance."""
_MAX_VARIANCE = 0.05
_SPLINES = 25
_SETTLED = 1e-6
_ENOUGH = 10.0
_MISSING = 0.75
"""A merge counts as unexplained if this share of it is missing, of at least so many counts."""
_N_BLOCKS = 30
_IS_TRAINING_TEXT = 0.25
"""The monotone curve is taken if its residuals have less than this part of the smooth one's
mean square: noise of a sample of other text would leave both with nearly the same."""
_REFITS_VARIANCE = (0, 3, 7)
"""At these iterations, and at every `_REFIT_EVERY`th later one as long as weights still move.

From a start far off, the spread around the curve is far too wide at the seventh; kept, it would
let contradictions pass for noise.
"""
_REFIT_EVERY = 5
_MOVING = 1e-3


@dataclass(frozen=True, eq=False)
class Estimate:
    """Shares of the training data, and how well they explain the merges.

    Attributes:
        weights: float64 (c,), the share of the training data's *bytes* in each category; sum 1.
        residuals: float64 (m,): the share of each merged pair in the mixture less that expected
            of its step, in standard errors; NaN where no sample supports the merge.
        unsupported: the share of merges whose pair stands in no sample.
        unexplained: a rough share (0 to 1) of the training data that no category explains: what is
            missing of the pairs of the merges used, where nearly all of a pair is missing.
        missing: the test that no category is missing, on the first 1,000 merges (more for many
            categories), where the noise of the training text decides little.
        covariance: float64 (c, c), of the logarithms of `weights`, up to a common constant.
        converged: whether the iteration settled.
        n_used: the first so many merges were used.
        curve: which one the weights come from; the covariance is that of the smooth one in any
            case, and too large for the other.
    """

    weights: Floats
    residuals: Floats
    unsupported: float
    unexplained: float
    missing: MissingTest
    covariance: Floats
    converged: bool
    n_used: int
    curve: Literal["smooth", "monotone"]


def estimate(
    evidence: Evidence, *, n_merges: int | None = None, max_iterations: int = 120
) -> Estimate:
    """Infer the shares of the training data.

    Args:
        evidence: the counts.
        n_merges: use the first so many merges; None: as many as are precise enough.
        max_iterations: of each stage.

    Raises:
        ArgumentError: an option out of range, or no merge's pair stands in any sample.
    """
    m = len(evidence.merged)
    if max_iterations < 1 or (n_merges is not None and not 1 <= n_merges <= m):
        raise ArgumentError(
            f"max_iterations must be at least 1 and n_merges 1 to {m}; got {max_iterations} and "
            f"{n_merges}"
        )
    supported = evidence.merged.any(axis=1)
    if not supported.any():
        raise ArgumentError(
            "none of the tokenizer's merges occurs in any category's sample; check the samples' "
            "encoding and languages"
        )
    fewest = max(_FEWEST, _FEWEST_EACH * evidence.n_categories)
    n_used = min(m, fewest) if n_merges is None else n_merges
    fit = CurveFit(evidence, n_used, _start(evidence, min(n_used, _START)))
    fit.run(max_iterations)
    while n_merges is None and fit.n_used < m and fit.variance[-1] < _MAX_VARIANCE:
        wider = CurveFit(evidence, min(m, 2 * fit.n_used), fit.weights)
        wider.run(max_iterations)
        if wider.variance[-1] > 2 * _MAX_VARIANCE or not wider.converged:
            break
        fit = wider
    weights = fit.weights
    curve: Literal["smooth", "monotone"] = "smooth"
    falling = fit_monotone(evidence, fit.n_used, weights, max_iterations=max_iterations)
    if falling.converged and _spread(falling.residuals) < _IS_TRAINING_TEXT * fit.spread():
        weights, curve = falling.weights, "monotone"
    return Estimate(
        weights=evidence.bytes_from_pairs(weights),
        residuals=np.where(supported, _residuals(evidence, weights), np.nan),
        unsupported=float(1 - supported.mean()),
        unexplained=fit.unexplained(),
        missing=fit.missing(fewest),
        covariance=fit.covariance(),
        converged=fit.converged,
        n_used=fit.n_used,
        curve=curve,
    )


class CurveFit:
    """Weights and curve on the first merges.

    Attributes:
        n_used: how many merges.
        weights: float64 (c,), shares of pairs.
        variance: float64 (n_used,), of the residuals.
        converged: whether `run` settled.
    """

    def __init__(self, evidence: Evidence, n_used: int, weights: Floats) -> None:
        """Lay a curve through the merges, given weights."""
        self.n_used = n_used
        self.weights = weights
        self.converged = False
        self._shares: Floats = evidence.merged[:n_used] / evidence.totals
        self._share_of_one_count: Floats = 1 / evidence.totals
        steps = evidence.first + np.arange(1, n_used + 1, dtype=np.int64)
        self._basis = spline_basis(steps, _SPLINES)
        self._curve = lay_curve(self._basis, self._shares @ weights)
        self._above, self._above_step = _competitors(evidence, n_used, self._expected())
        self.variance = fit_variance(self._residuals(), self._expected())

    def run(self, max_iterations: int) -> None:
        """Iterate until the weights settle."""
        moved = 1.0
        for k in range(max_iterations):
            late = k > _REFITS_VARIANCE[-1] and k % _REFIT_EVERY == 0
            if k in _REFITS_VARIANCE or (late and moved > _MOVING):
                self.variance = fit_variance(self._residuals(), self._expected())
            scores, hessian = self._equations()
            step = solve(hessian, scores.sum(axis=0))
            n = len(self.weights)
            weights = shifted(self.weights, step[:n])
            moved = float(np.abs(weights - self.weights).max())
            self.weights, self._curve = weights, self._curve + step[n:]
            if moved < _SETTLED and k > _REFITS_VARIANCE[-1]:
                self.converged = True
                return

    def covariance(self) -> Floats:
        """float64 (c, c), of the logarithms of the weights.

        The scores are summed over blocks of neighbouring steps first, for neighbours share their
        errors (Newey and West's reason).
        """
        scores, hessian = self._equations()
        blocks = np.array_split(scores[: self.n_used], min(_N_BLOCKS, self.n_used))
        sums = np.stack([block.sum(axis=0) for block in blocks])
        influence = np.stack([solve(hessian, row) for row in sums])[:, : len(self.weights)]
        return influence.T @ influence * len(blocks) / max(1, len(blocks) - 1)

    def unexplained(self) -> float:
        """See `Estimate.unexplained`."""
        expected = self._expected()
        lacking = expected - self._shares @ self.weights
        # Pairs of which the samples should hold enough that chance does not hide them.
        missing = (self._in_samples() > _ENOUGH) & (lacking > _MISSING * expected)
        return float(np.where(missing, lacking, 0).sum() / expected.sum())

    def missing(self, n_merges: int) -> MissingTest:
        """The test that no category is missing, on the first merges."""
        ratio = self._shares @ self.weights / self._expected()
        return count_lacking(ratio[:n_merges], self._in_samples()[:n_merges])

    def spread(self) -> float:
        """Mean square of the residuals of the merges, without outliers."""
        return _spread(self._residuals())

    def _expected(self) -> Floats:
        """float64 (n_used,), the curve."""
        return np.exp(self._basis @ self._curve)

    def _in_samples(self) -> Floats:
        """float64 (n_used,), occurrences in the samples that the curve expects, roughly."""
        return self._expected() / float(self._share_of_one_count @ self.weights**2)

    def _residuals(self) -> Floats:
        """float64 (n_used,), of the merges."""
        return power_residuals(self._shares @ self.weights / self._expected())

    def _equations(self) -> tuple[Floats, Floats]:
        """Scores (n_used + active competitors, c + k) and the Gauss-Newton matrix of a step."""
        expected = self._expected()
        jacobian = self._jacobian(self._shares, self._basis, expected)
        residuals = self._residuals()
        precision = huber_precision(residuals, self.variance)
        if len(self._above):
            at = self._above_step
            spread = np.sqrt(self.variance[at])
            ratio = self._above @ self.weights / expected[at]
            beyond = power_residuals(ratio) - _BEYOND * spread
            active = beyond > 0
            at, spread, beyond = at[active], spread[active], beyond[active]
            rows = self._jacobian(self._above[active], self._basis[at], expected[at])
            jacobian = np.concatenate([jacobian, rows])
            precision = np.concatenate([precision, huber_precision(beyond, spread**2)])
            residuals = np.concatenate([residuals, beyond])
        weighted = jacobian * precision[:, None]
        return weighted * residuals[:, None], jacobian.T @ weighted

    def _jacobian(self, shares: Floats, basis: Floats, expected: Floats) -> Floats:
        """float64 (m, c + k), of residuals by the logarithms of the weights, and the curve."""
        mixed = shares @ self.weights
        slope = slopes(mixed / expected, expected)
        by_weights = (shares - mixed[:, None]) * self.weights * slope[:, None]
        return np.hstack([by_weights, -basis])


def _spread(residuals: Floats) -> float:
    """The mean square, of which outliers count as 9 median squares."""
    squares = residuals**2
    return float(np.minimum(squares, 9 * np.median(squares) + 1e-12).mean())


def lay_curve(basis: Floats, mixed: Floats) -> Floats:
    """The curve through shares, some of which may be 0: its coefficients, float64 (k,)."""
    # Of a mean of neighbours, so that zeros and noise have no logarithm to distort.
    width = max(1, min(25, len(mixed) // 20))
    window = np.ones(width)
    smooth = np.convolve(mixed, window, "same") / np.convolve(np.ones_like(mixed), window, "same")
    floor = max(float(smooth.max()) * 1e-9, float(np.quantile(smooth[smooth > 0], 0.01)))
    return cast(Floats, np.linalg.lstsq(basis, np.log(np.maximum(smooth, floor)), rcond=None)[0])


def _start(evidence: Evidence, n_used: int) -> Floats:
    """float64 (c,): robust fit of the logarithms, with the weights of a t distribution (4)."""
    freedom, difference, overdispersion = 4, 0.05, 3.0
    shares: Floats = evidence.merged[:n_used] / evidence.totals
    shares = shares[shares.any(axis=1)]
    n = shares.shape[1]
    weights = np.full(n, 1 / n)
    if not len(shares):
        return weights
    basis = spline_basis(evidence.first + np.arange(1, len(shares) + 1, dtype=np.int64), 12)
    curve = lay_curve(basis, shares @ weights)
    for _ in range(15):
        mixed = shares @ weights
        noise = (shares / evidence.totals) @ weights**2 / mixed**2
        variance = difference**2 + overdispersion * noise
        residuals = np.log(mixed) - basis @ curve
        precision = (freedom + 1) / (freedom + residuals**2 / variance) / variance
        by_weights = (shares / mixed[:, None] - 1) * weights
        jacobian = np.hstack([by_weights, -basis])
        weighted = jacobian * precision[:, None]
        step = solve(jacobian.T @ weighted, weighted.T @ residuals)
        weights, curve = shifted(weights, step[:n]), curve + step[n:]
    return weights


def _competitors(
    evidence: Evidence, n_used: int, expected: Floats
) -> tuple[Floats, NDArray[np.int64]]:
    """Pairs that some weights could lift above the curve: shares (p, c), and their steps (p,)."""
    shares: list[Floats] = [np.empty((0, evidence.n_categories))]
    steps: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    for step, standing in zip(evidence.steps, evidence.standing, strict=True):
        at = step - evidence.first - 1
        if at >= n_used:
            continue
        share: Floats = standing.counts / evidence.totals
        share = share[share.max(axis=1) > expected[at]]
        shares.append(share)
        steps.append(np.full(len(share), at, dtype=np.int64))
    return np.concatenate(shares), np.concatenate(steps)


def _residuals(evidence: Evidence, weights: Floats) -> Floats:
    """float64 (m,), of all merges in standard errors, around a curve through all of them."""
    mixed = (evidence.merged / evidence.totals) @ weights
    basis = spline_basis(evidence.first + np.arange(1, len(mixed) + 1, dtype=np.int64), _SPLINES)
    curve = lay_curve(basis, mixed)
    for _ in range(10):
        excess = power_residuals(mixed / np.exp(basis @ curve))
        curve = curve + solve(basis.T @ basis, -basis.T @ np.clip(excess, -2, 2))
    expected = np.exp(basis @ curve)
    excess = power_residuals(mixed / expected)
    return excess / np.sqrt(fit_variance(excess, expected))
