"""Switching against all sequences of members; exponents that find the member that knows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.ensembles.random_rows import SYMBOLS, random_rows, random_text, rows_of, walk
from tests.reference.switching_reference import switching_logprob
from tokkit.bytelm.ensembles.adaptive import RATES, Adaptive, AdaptiveStep
from tokkit.bytelm.ensembles.fixed import Mean, Mixture, Product
from tokkit.bytelm.ensembles.loglinear import LogLinear, LogLinearStep
from tokkit.bytelm.ensembles.switching import Switching
from tokkit.errors import ArgumentError

FEW = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)


def emissions(rows: np.ndarray, text: bytes) -> np.ndarray:
    return np.exp(rows[:, np.arange(len(text)), list(text)])


@FEW
@given(seed=seeds, rate=st.sampled_from([0.0, 0.02, 0.4, 1.0]), holes=st.sampled_from([0.0, 0.2]))
def test_switching_is_the_sum_over_all_sequences_of_members(
    seed: int, rate: float, holes: float
) -> None:
    rows, text = random_rows(seed, 3, 6, holes=holes), random_text(seed, 6)
    weights = np.array([0.5, 0.3, 0.2])
    probabilities = emissions(rows, text)
    if not probabilities.any(axis=0).all() or (not rate and not probabilities.all(axis=1).any()):
        return  # nobody, or no single one, can say it
    _, following = walk(Switching(rate=rate), rows, text, weights)
    expected = switching_logprob(probabilities, weights, (rate,))
    assert following.log_total == pytest.approx(expected, abs=1e-9)


@FEW
@given(seed=seeds)
def test_adaptive_is_the_sum_over_all_sequences_of_experts_and_rates(seed: int) -> None:
    rows, text = random_rows(seed, 2, 5), random_text(seed, 5)
    steps, following = walk(Adaptive(), rows, text)
    assert all(isinstance(step, AdaptiveStep) for step in steps)
    experts = np.stack([step.experts for step in steps if isinstance(step, AdaptiveStep)], axis=1)
    weights = np.array([1, 1, 1, 12]) / 15
    expected = switching_logprob(emissions(experts, text), weights, RATES)
    assert following.log_total == pytest.approx(expected, abs=1e-9)
    product = rows_of(Product(), rows, text)
    np.testing.assert_allclose(experts[2], product, atol=1e-12)
    np.testing.assert_allclose(experts[3], rows_of(LogLinear(), rows, text), atol=1e-12)


@FEW
@given(seed=seeds)
def test_switching_lies_between_the_mixture_and_the_mean(seed: int) -> None:
    rows, text = random_rows(seed, 3, 12), random_text(seed, 12)
    for rate, fixed in ((0.0, Mixture()), (1.0, Mean())):
        found = rows_of(Switching(rate=rate), rows, text)
        np.testing.assert_allclose(np.exp(found), np.exp(rows_of(fixed, rows, text)), atol=1e-12)


@FEW
@given(seed=seeds, rate=st.sampled_from([0.01, 0.3]))
def test_switching_loses_at_most_the_code_length_of_the_switches(seed: int, rate: float) -> None:
    rows, text = random_rows(seed, 2, 20), random_text(seed, 20)
    speakers = np.random.default_rng(seed).integers(0, 2, size=20)
    theirs = float(rows[speakers, np.arange(20), list(text)].sum())
    switches = int((np.diff(speakers) != 0).sum())
    code = -np.log(0.5) - switches * np.log(rate / 2) - (19 - switches) * np.log(1 - rate)
    assert walk(Switching(rate=rate), rows, text)[1].log_total >= theirs - code - 1e-9


def alternating(knows: int, length: int) -> np.ndarray:
    """Two members on `abab…`: one is nearly sure of it, the other of the opposite."""
    rows = np.full((2, length + 1, 257), -np.inf)
    rows[:, :, SYMBOLS] = np.log(0.01)
    for k in range(length + 1):
        rows[knows, k, 97 + k % 2] = np.log(0.97)
        rows[1 - knows, k, 98 - k % 2] = np.log(0.97)
    return rows


@pytest.mark.parametrize("knows", [0, 1])
def test_exponents_move_to_the_member_that_knows(knows: int) -> None:
    steps, _ = walk(LogLinear(), alternating(knows, 40), b"ab" * 20)
    last = steps[-1]
    assert isinstance(last, LogLinearStep)
    assert last.exponents[knows] > 0.95
    assert last.exponents.sum() == pytest.approx(1, abs=1e-12)


def test_without_a_step_nothing_is_learned() -> None:
    rows, text = random_rows(3, 3, 20), random_text(3, 20)
    product = rows_of(Product(), rows, text, [1, 2, 3])
    np.testing.assert_allclose(rows_of(LogLinear(step=0), rows, text, [1, 2, 3]), product)


def test_adaptive_follows_a_text_that_changes() -> None:
    rows = np.concatenate([alternating(0, 99), alternating(1, 100)], axis=1)
    text = b"ab" * 100
    found = walk(Adaptive(), rows, text)[1].log_total
    for member in rows:
        assert found > float(member[np.arange(200), list(text)].sum()) / 4


def test_no_member_vetoes_a_byte_in_what_is_learned() -> None:
    rows = random_rows(0, 2, 5)
    rows[0, :, 98] = -np.inf
    for combination in (LogLinear(), Adaptive(), Switching()):
        assert np.isfinite(walk(combination, rows, b"babab")[1].log_total)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Switching(rate=-0.1),
        lambda: Switching(rate=float("nan")),
        lambda: LogLinear(step=2),
        lambda: LogLinear(memory=0),
        lambda: LogLinear(cut=1),
        lambda: Product(cut=-1),
    ],
)
def test_options_out_of_range_are_errors(make: object) -> None:
    assert callable(make)
    with pytest.raises(ArgumentError):
        make()
