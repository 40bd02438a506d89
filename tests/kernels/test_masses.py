"""Normalising a row over byte-sorted tokens, against sums over the tokens of each first byte."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels import masses


@settings(deadline=None)  # the first call compiles
@given(
    counts=st.lists(st.integers(0, 3), min_size=256, max_size=256),
    end=st.sampled_from([0.0, 0.25]),
    seed=st.integers(0, 99),
)
def test_symbols_are_the_normalised_sums_by_first_byte(
    counts: list[int], end: float, seed: int
) -> None:
    offsets = np.cumsum([0, *counts]).astype(np.int64)
    rng = np.random.default_rng(seed)
    weights, order = rng.random(offsets[-1]), rng.permutation(offsets[-1]).astype(np.int32)
    allowed = rng.random(offsets[-1]) < rng.choice([0.1, 0.6, 1.0])
    probabilities, symbols = weights.copy(), np.empty(257)
    total = masses.normalise(probabilities, allowed, order, offsets, end, symbols)
    weights = np.where(allowed[order], weights, 0)
    assert total == pytest.approx(weights.sum() + end, rel=1e-13)
    if total == 0:
        np.testing.assert_array_equal(symbols, 0)
        return
    np.testing.assert_allclose(probabilities, weights / total, rtol=1e-13)
    expected = [weights[low:high].sum() for low, high in pairwise(offsets)]
    np.testing.assert_allclose(symbols, np.array([*expected, end]) / total, rtol=1e-13)
    assert symbols.sum() == pytest.approx(1)


@pytest.mark.parametrize("weight", [np.nan, np.inf, 0.0])
def test_nothing_is_divided_by_an_unusable_sum(weight: float) -> None:
    weights = np.array([weight, 0.0])
    offsets = np.array([0, *([2] * 256)], dtype=np.int64)
    allowed, order = np.ones(2, dtype=np.bool_), np.arange(2, dtype=np.int32)
    total = masses.normalise(weights, allowed, order, offsets, 0.0, np.empty(257))
    np.testing.assert_equal(total, weight)
    np.testing.assert_equal(weights, [weight, 0.0])


@settings(deadline=None)
@given(
    scores=st.lists(
        st.floats(-50, 50, width=32) | st.sampled_from([-np.inf, np.nan]), min_size=1, max_size=9
    ),
    data=st.data(),
)
def test_permitted_scores_are_sorted_and_their_largest_found(
    scores: list[float], data: st.DataObject
) -> None:
    order = np.array(data.draw(st.permutations(range(len(scores)))), dtype=np.int32)
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=9, max_size=9)))
    for dtype in (np.float32, np.float64):
        row, out = np.array(scores, dtype=dtype), np.empty(len(scores))
        top = masses.sort_permitted(row, allowed, order, out)
        permitted = allowed[order]
        np.testing.assert_array_equal(out[permitted], row[order][permitted])
        np.testing.assert_equal(top, float(row[order][permitted].max(initial=-np.inf)))
        if not np.isnan(top):
            assert (out[~permitted] <= top).all()
