"""Residuals and steps that both curves share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.mixture.estimation.residuals import (
    huber_precision,
    power_residuals,
    shifted,
    slopes,
    solve,
)

MANY = settings(max_examples=100, deadline=None, derandomize=True)
sizes = st.integers(1, 12)
seeds = st.integers(0, 2**32 - 1)


@MANY
@given(ratio=st.floats(0.06, 50), expected=st.floats(0.01, 100))
def test_slopes_are_the_derivative_of_the_residuals(ratio: float, expected: float) -> None:
    share = ratio * expected
    around = np.array([share * (1 - 1e-6), share * (1 + 1e-6)])
    low, high = power_residuals(around / expected)
    slope = slopes(np.array([ratio]), np.array([expected]))[0]
    assert slope == pytest.approx((high - low) / (around[1] - around[0]), rel=1e-4)


@MANY
@given(size=sizes, seed=seeds)
def test_weights_stay_on_the_simplex(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = shifted(rng.dirichlet(np.full(size, 0.1)) + 1e-12, rng.normal(0, 30, size))
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).all()


@MANY
@given(size=sizes, seed=seeds)
def test_outliers_weigh_less_and_others_their_inverse_variance(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    variance = rng.uniform(0.1, 10, size)
    small = huber_precision(rng.uniform(-3, 3, size) * np.sqrt(variance), variance)
    assert small == pytest.approx(1 / variance)
    outlying = huber_precision(30 * np.sqrt(variance), variance)
    assert outlying == pytest.approx(0.1 / variance)


@MANY
@given(size=sizes, seed=seeds)
def test_a_short_step_solves_the_equations(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size + 3, size))
    hessian = root.T @ root + np.eye(size)
    step = rng.uniform(-0.9, 0.9, size)
    assert solve(hessian, -hessian @ step) == pytest.approx(step, abs=1e-4)
