"""Intervals against normal theory, and what must hold for any data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.shared.bootstrap import paired_interval, ratio_interval

FEW = settings(max_examples=15, deadline=None, derandomize=True)
numbers = st.lists(st.floats(0, 100), min_size=2, max_size=20)


@FEW
@given(values=numbers, data=st.data())
def test_an_interval_holds_its_ratio_of_sums(values: list[float], data: st.DataObject) -> None:
    n = len(values)
    sizes = data.draw(st.lists(st.floats(1, 50), min_size=n, max_size=n))
    found = ratio_interval(values, sizes)
    assert found.value == pytest.approx(sum(values) / sum(sizes))
    ratios = np.array(values) / np.array(sizes)
    assert ratios.min() - 1e-9 <= found.low <= found.high <= ratios.max() + 1e-9


@FEW
@given(values=numbers)
def test_documents_that_agree_leave_no_doubt(values: list[float]) -> None:
    sizes = [value + 1 for value in values]
    found = ratio_interval([3 * size for size in sizes], sizes)
    np.testing.assert_allclose([found.value, found.low, found.high], 3)


@FEW
@given(values=numbers, shift=st.floats(-5, 5))
def test_a_constant_difference_is_certain_however_the_documents_vary(
    values: list[float], shift: float
) -> None:
    moved = [value + shift for value in values]
    found = paired_interval(moved, values, [1.0] * len(values))
    np.testing.assert_allclose([found.value, found.low, found.high], shift, atol=1e-9)


def test_the_interval_of_a_mean_is_that_of_normal_theory() -> None:
    sample = np.random.default_rng(0).normal(10, 2, size=400)
    found = ratio_interval(sample.tolist(), [1.0] * 400)
    half_width = 1.96 * sample.std() / math.sqrt(400)
    assert (found.high - found.low) / 2 == pytest.approx(half_width, rel=0.05)
    assert (found.high + found.low) / 2 == pytest.approx(sample.mean(), rel=0.002)


def test_an_infinite_document_makes_the_figure_infinite() -> None:
    found = ratio_interval([1.0, math.inf], [1.0, 1.0])
    assert found.value == found.low == found.high == math.inf


@pytest.mark.parametrize(("top", "bottom"), [([], []), ([1.0], [1.0, 2.0]), ([1.0], [0.0])])
def test_data_without_a_ratio_is_refused(top: list[float], bottom: list[float]) -> None:
    with pytest.raises(ValueError, match=r"numerators|denominator"):
        ratio_interval(top, bottom)
