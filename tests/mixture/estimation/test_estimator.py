"""Shares are recovered from counts drawn from the model, and intervals cover them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.mixture.estimation.estimator import estimate
from tokkit.mixture.estimation.evidence import Evidence
from tokkit.mixture.estimation.intervals import intervals
from tokkit.mixture.merges.replay import PairCounts


def simulate(
    weights: NDArray[np.float64], rng: np.random.Generator, n_merges: int = 2000
) -> Evidence:
    """Merges of a mixture, each mostly of one category, and Poisson counts of a sample."""
    n = len(weights)
    curve = 0.01 / (np.arange(n_merges) + 5.0) ** 0.9
    parts = rng.dirichlet(np.full(n, 0.1), size=n_merges)
    totals = rng.integers(200_000, 400_000, size=n)
    merged = rng.poisson(curve[:, None] * parts / weights * totals)
    # Competitors: halves of what is merged last, so none of them exceeds the curve.
    below = rng.poisson(merged[-50:] * 0.5)
    pairs = np.stack([np.arange(50), np.arange(50)], axis=1).astype(np.int32)
    return Evidence(
        merged=merged,
        steps=(n_merges,),
        standing=(PairCounts(pairs, below),),
        totals=totals,
        n_bytes=totals * rng.integers(1, 4, size=n),
    )


@pytest.mark.parametrize("n", [2, 5, 12])
def test_shares_are_recovered_as_bytes(n: int) -> None:
    rng = np.random.default_rng(n)
    weights = rng.dirichlet(np.full(n, 3.0))
    evidence = simulate(weights, rng)
    found = estimate(evidence)
    assert found.converged
    assert found.weights.sum() == pytest.approx(1)
    assert found.weights == pytest.approx(evidence.bytes_from_pairs(weights), abs=0.006)
    assert found.unexplained < 0.02


def test_intervals_cover_the_truth_within_the_model() -> None:
    covered: list[bool] = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        weights = rng.dirichlet(np.full(5, 2.0))
        evidence = simulate(weights, rng, n_merges=1000)
        truth = evidence.bytes_from_pairs(weights)
        low, high = intervals(evidence, estimate(evidence), inflation=1, floor=0).T
        covered.extend(((low <= truth) & (truth <= high)).tolist())
    assert 0.8 <= np.mean(covered) <= 0.97


def test_intervals_grow_with_level_and_hold_the_estimate() -> None:
    evidence = simulate(np.array([0.2, 0.3, 0.5]), np.random.default_rng(0))
    found = estimate(evidence)
    narrow, wide = (intervals(evidence, found, level=level) for level in (0.5, 0.9))
    assert (wide[:, 0] < narrow[:, 0]).all()
    assert (narrow[:, 0] <= found.weights).all()
    assert (found.weights <= narrow[:, 1]).all()
    assert (narrow[:, 1] < wide[:, 1]).all()


def test_the_floor_lets_every_share_be_none_or_more() -> None:
    evidence = simulate(np.array([0.001, 0.4, 0.599]), np.random.default_rng(7))
    found = estimate(evidence)
    bare = intervals(evidence, found, floor=0)
    low, high = intervals(evidence, found, floor=1).T
    assert low[0] == 0
    added = high - bare[:, 1]
    assert added[0] > 0
    assert added == pytest.approx(np.full(3, added[0]))


def test_order_of_categories_does_not_matter() -> None:
    evidence = simulate(np.array([0.1, 0.3, 0.6]), np.random.default_rng(1))
    turned = replace(
        evidence,
        merged=evidence.merged[:, ::-1],
        standing=tuple(PairCounts(s.pairs, s.counts[:, ::-1]) for s in evidence.standing),
        totals=evidence.totals[::-1],
        n_bytes=evidence.n_bytes[::-1],
    )
    assert estimate(turned).weights[::-1] == pytest.approx(estimate(evidence).weights, abs=1e-4)


def test_a_competitor_above_the_curve_lowers_its_category() -> None:
    evidence = simulate(np.array([0.4, 0.6]), np.random.default_rng(2))
    counts = np.zeros((50, 2), dtype=np.int64)
    counts[:, 0] = 5 * evidence.merged[-300:, 0].max()
    pairs = evidence.standing[0].pairs
    raised = replace(evidence, steps=(1000,), standing=(PairCounts(pairs, counts),))
    assert estimate(raised).weights[0] < estimate(evidence).weights[0]


def test_a_category_left_out_is_unexplained() -> None:
    evidence = simulate(np.array([0.3, 0.3, 0.4]), np.random.default_rng(3))
    without = replace(
        evidence,
        merged=evidence.merged[:, :2],
        standing=(),
        steps=(),
        totals=evidence.totals[:2],
        n_bytes=evidence.n_bytes[:2],
    )
    assert estimate(without).unexplained > 0.1


def test_merges_without_support_are_not_a_number() -> None:
    evidence = simulate(np.array([0.3, 0.7]), np.random.default_rng(4))
    merged = evidence.merged.copy()
    merged[::10] = 0
    found = estimate(replace(evidence, merged=merged))
    assert np.isnan(found.residuals[::10]).all()
    assert found.unsupported == pytest.approx((~merged.any(axis=1)).mean())
    with pytest.raises(ArgumentError, match="none of the tokenizer's merges occurs"):
        estimate(replace(evidence, merged=np.zeros_like(merged)))


def test_options_out_of_range_are_refused() -> None:
    evidence = simulate(np.array([0.3, 0.7]), np.random.default_rng(5))
    with pytest.raises(ArgumentError, match="n_merges 1 to 2000"):
        estimate(evidence, n_merges=2001)
    with pytest.raises(ArgumentError, match="level must lie"):
        intervals(evidence, estimate(evidence), level=1.0)


@pytest.mark.parametrize("n_merges", [1, 3, 15, 16, 40])
def test_few_merges_give_shares_too(n_merges: int) -> None:
    evidence = simulate(np.array([0.3, 0.7]), np.random.default_rng(6), n_merges=60)
    found = estimate(replace(evidence, merged=evidence.merged[:n_merges], steps=(), standing=()))
    assert found.weights.sum() == pytest.approx(1)
    assert len(found.residuals) == n_merges
