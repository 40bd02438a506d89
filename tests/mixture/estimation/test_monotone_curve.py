"""Where the samples are the training text, the shares come out to the last digits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.mixture.estimation.test_estimator import simulate
from tokkit.mixture.estimation.estimator import estimate
from tokkit.mixture.estimation.evidence import Evidence
from tokkit.mixture.estimation.monotone_curve import falling, fit_monotone
from tokkit.mixture.estimation.residuals import POWER

positive = st.floats(0.01, 100)


def training_text(rng: np.random.Generator, n: int, n_merges: int = 1500) -> Evidence:
    """Counts of the training text itself: their sum falls along the list."""
    curve = 3e5 / (np.arange(n_merges) + 5.0) ** 0.9
    counts = rng.poisson(curve[:, None] * rng.dirichlet(np.full(n, 0.2), size=n_merges))
    counts = counts[np.argsort(-counts.sum(axis=1), kind="stable")]
    totals = 2 * counts.sum(axis=0)
    return Evidence(counts, (), (), totals, totals * rng.integers(1, 4, size=n))


@pytest.mark.parametrize("n", [2, 5, 12])
def test_the_training_text_itself_gives_its_shares(n: int) -> None:
    evidence = training_text(np.random.default_rng(n), n)
    found = estimate(evidence)
    assert found.curve == "monotone"
    assert found.weights == pytest.approx(evidence.n_bytes / evidence.n_bytes.sum(), abs=1e-5)


def test_a_sample_of_other_text_gets_a_smooth_curve() -> None:
    evidence = simulate(np.array([0.2, 0.3, 0.5]), np.random.default_rng(0))
    assert estimate(evidence).curve == "smooth"


def test_a_fit_does_not_depend_on_its_start() -> None:
    evidence = training_text(np.random.default_rng(3), 4)
    starts = (np.full(4, 0.25), np.array([0.7, 0.1, 0.1, 0.1]))
    one, two = (fit_monotone(evidence, 1500, start) for start in starts)
    assert one.converged
    assert two.converged
    assert one.weights == pytest.approx(two.weights, abs=1e-6)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data(), size=st.integers(1, 30))
def test_the_curve_falls_and_keeps_the_mean_of_each_stretch(data: st.DataObject, size: int) -> None:
    def drawn() -> NDArray[np.float64]:
        return np.array(data.draw(st.lists(positive, min_size=size, max_size=size)))

    mixed, precision, level = drawn(), drawn(), drawn()
    curve, edges = falling(mixed, precision, level)
    assert (np.diff(curve) <= 1e-12 * curve[0]).all()
    assert edges[0] == 0
    assert edges[-1] == size
    weights = precision / level ** (2 * POWER)
    for a, b in pairwise(edges.tolist()):
        mean = np.average(mixed[a:b] ** POWER, weights=weights[a:b])
        assert curve[a:b] ** POWER == pytest.approx(np.full(b - a, mean))
