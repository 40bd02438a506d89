"""Sorting a row by the bytes of the tokens and adding it up, against sums over each first byte."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels import masses


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
    weights=st.lists(st.just(0.0) | st.floats(1e-300, 1e300), min_size=1, max_size=9),
)
def test_logs_are_those_of_normalised_masses(weights: list[float]) -> None:
    row, logs = np.array(weights), np.empty(len(weights))
    masses.log_shares(row, logs)
    total = row.sum()
    with np.errstate(divide="ignore"):
        expected = np.log(row) - (np.log(total) if total > 0 else 0.0)
    np.testing.assert_allclose(logs, expected, rtol=1e-14, atol=1e-12)
