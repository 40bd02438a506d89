"""The vectorised exponential against that of float64."""

from __future__ import annotations

import numpy as np
import pytest

from tokkit.kernels.token_masses.exponentials import exp_shifted


@pytest.mark.parametrize("shift", [0.0, 31.0, -40.5])
def test_exponentials_err_by_less_than_a_unit_in_the_last_place(shift: float) -> None:
    exponents = np.linspace(-87.3, 88, 200_001, dtype=np.float32) + np.float32(shift)
    values = exponents.copy()
    exp_shifted(values, np.float32(shift))
    expected = np.exp((exponents - np.float32(shift)).astype(np.float64))
    assert (abs(values - expected) < np.spacing(expected.astype(np.float32))).all()


def test_exponentials_fall_to_zero_through_the_numbers_below_normal() -> None:
    values = np.linspace(-200, -87, 10_001, dtype=np.float32)
    expected = np.exp(values.astype(np.float64))
    exp_shifted(values, np.float32(0))
    assert (np.diff(values) >= 0).all()
    np.testing.assert_allclose(values, expected, rtol=2e-7, atol=np.spacing(np.float32(0)))


def test_impossible_scores_have_no_weight_and_nan_remains() -> None:
    values = np.array([-np.inf, np.nan, 2.0, *([-np.inf] * 20)], dtype=np.float32)
    exp_shifted(values, np.float32(2))
    np.testing.assert_array_equal(values, [0, np.nan, 1, *([0] * 20)])
