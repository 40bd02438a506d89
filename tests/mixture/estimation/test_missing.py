"""The test of a missing category holds its level and has power, within the model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import nbinom

from tests.mixture.estimation.test_estimator import simulate
from tokkit.mixture.estimation.estimator import estimate
from tokkit.mixture.estimation.missing import CLUMP, LEVEL, RATE, MissingTest, count_lacking


@pytest.mark.parametrize("n_tested", [1, 50, 1000, 5600])
def test_the_p_value_is_a_tail_of_the_negative_binomial(n_tested: int) -> None:
    shape = RATE * n_tested / (CLUMP - 1)
    values = [MissingTest(n_tested, n).p_value for n in range(min(60, n_tested + 1))]
    expected = nbinom.sf(np.arange(len(values)) - 1, shape, 1 / CLUMP)
    assert values == pytest.approx(expected)
    assert (np.diff(values) <= 0).all()


def test_where_nothing_can_be_tested_nothing_is_rejected() -> None:
    found = count_lacking(np.zeros(500), np.full(500, 3.0))
    assert (found.n_tested, found.p_value, found.is_rejected) == (0, 1.0, False)


def test_only_what_is_expected_often_counts() -> None:
    found = count_lacking(np.array([0.0, 0.2, 0.3, 0.0]), np.array([30.0, 20.0, 99.0, 19.0]))
    assert found == MissingTest(n_tested=3, n_lacking=2)


def test_complete_mixes_pass_and_those_that_lack_a_fifth_do_not() -> None:
    complete: list[bool] = []
    lacking: list[bool] = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        weights = np.append(0.25, 0.75 * rng.dirichlet(np.full(4, 2.0)))
        evidence = simulate(weights, rng, n_merges=1000)
        complete.append(estimate(evidence).missing.is_rejected)
        rest = evidence.only(np.arange(5) > 0)
        lacking.append(estimate(rest).missing.is_rejected)
    assert np.mean(complete) <= LEVEL
    assert np.mean(lacking) >= 0.8
