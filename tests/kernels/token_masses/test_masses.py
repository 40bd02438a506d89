"""Sorting a row by the bytes of the tokens and adding it up, against sums over each first byte."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels.token_masses import masses


@settings(deadline=None)  # the first call compiles
@given(
    counts=st.lists(st.integers(0, 40), min_size=256, max_size=256),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 99),
)
def test_weights_are_added_up_by_first_byte_in_float64(
    counts: list[int], dtype: type[np.floating], seed: int
) -> None:
    offsets = np.cumsum([0, *counts]).astype(np.int64)
    weights = np.random.default_rng(seed).random(offsets[-1]).astype(dtype)
    sums = np.full(257, -1.0)
    total = masses.first_byte_sums(weights, offsets, sums)
    exact = weights.astype(np.float64)
    expected = [exact[low:high].sum() for low, high in pairwise(offsets)]
    np.testing.assert_allclose(sums[:256], expected, rtol=1e-13)
    assert sums[256] == -1.0
    assert total == pytest.approx(exact.sum(), rel=1e-13)


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_a_defect_shows_in_the_sum(weight: float) -> None:
    offsets = np.array([0, *([2] * 256)], dtype=np.int64)
    total = masses.first_byte_sums(np.array([weight, 0.0]), offsets, np.empty(257))
    np.testing.assert_equal(total, weight)


@settings(deadline=None)
@given(
    scores=st.lists(
        st.floats(-50, 50, width=32) | st.sampled_from([-np.inf, np.nan]), min_size=1, max_size=40
    ),
    data=st.data(),
)
def test_permitted_scores_are_sorted_and_their_largest_found(
    scores: list[float], data: st.DataObject
) -> None:
    n = len(scores)
    order = np.array(data.draw(st.permutations(range(n))), dtype=np.int32)
    everything = st.just([True] * n)
    allowed = np.array(
        data.draw(everything | st.lists(st.booleans(), min_size=n, max_size=n)), dtype=np.bool_
    )
    for dtype in (np.float32, np.float64):
        row, out = np.array(scores, dtype=dtype), np.empty(n, dtype=dtype)
        top = masses.sort_permitted(row, np.packbits(allowed), order, out)
        expected = np.where(allowed, row[order], -np.inf)
        np.testing.assert_array_equal(out, expected)
        numbers = expected[~np.isnan(expected)]
        np.testing.assert_array_equal(top, numbers.max(initial=-np.inf))


@settings(deadline=None)
@given(
    n=st.integers(1, 60),
    ends=st.lists(st.integers(0, 59), max_size=2, unique=True),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 99),
)
def test_a_row_is_weighed_as_by_a_softmax_over_what_is_permitted(
    n: int, ends: list[int], dtype: type[np.floating], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 9, 60).astype(dtype)
    order = rng.permutation(60)[:n].astype(np.uint16)
    allowed = rng.random(n) < 0.7
    offsets = np.sort([0, *rng.integers(0, n + 1, 255), n]).astype(np.int64)
    weights, symbols = np.empty(n, dtype), np.empty(257)
    total = masses.weigh_row(
        scores, np.packbits(allowed), order, offsets, np.array(ends, np.int64), 31, weights, symbols
    )
    row = np.where(allowed, scores[order], -np.inf).astype(np.float64)
    top = max([*row, *scores[ends]])
    if top == -np.inf:
        assert total == 0
        return
    exact = np.exp(row - top + 31)
    exact_ends = np.exp(scores[ends].astype(np.float64) - top + 31).sum()
    close = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(weights, exact, rtol=close)
    assert total == pytest.approx(exact.sum() + exact_ends, rel=close)
    shares = [exact[low:high].sum() / total for low, high in pairwise(offsets)]
    np.testing.assert_allclose(symbols, [*shares, exact_ends / total], rtol=2 * close, atol=1e-30)


@pytest.mark.parametrize(
    ("scores", "ends"), [([np.inf, 0.0], []), ([0.0, np.inf], [1]), ([np.nan, 0.0], [])]
)
def test_a_row_with_a_defect_weighs_nan(scores: list[float], ends: list[int]) -> None:
    total = masses.weigh_row(
        np.array(scores),
        np.packbits([True]),
        np.array([0], np.uint16),
        np.array([0, *([1] * 256)], np.int64),
        np.array(ends, np.int64),
        31.0,
        np.empty(1),
        np.empty(257),
    )
    assert np.isnan(total)


def test_multiples_are_added() -> None:
    sums = np.arange(3.0)
    masses.add_multiple(sums, 0.5, np.array([2.0, 4.0, 6.0]))
    np.testing.assert_array_equal(sums, [1, 3, 5])


@settings(deadline=None)
@given(
    weights=st.lists(st.just(0.0) | st.floats(1e-300, 1e300), min_size=1, max_size=9),
)
def test_logs_are_those_of_normalised_masses(weights: list[float]) -> None:
    row, logs = np.array(weights), np.empty(len(weights))
    masses.log_shares(row, logs)
    total = row.sum()
    with np.errstate(divide="ignore"):
        expected = np.log(row) - (np.log(total) if total > 0 else 0.0)
    np.testing.assert_allclose(logs, expected, rtol=1e-14, atol=1e-12)
