"""Draws follow the distribution; stop strings end a text."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.bytelm.drawing.sampling import Sampler, Sampling, SamplingOptions
from tokkit.bytelm.drawing.stopping import StopMatcher
from tokkit.errors import ArgumentError, ModelError

FEW = settings(max_examples=100, deadline=None, derandomize=True)

rows = st.lists(st.one_of(st.floats(-30, 30), st.just(-np.inf)), min_size=1, max_size=40).filter(
    lambda row: max(row) > -np.inf
)
samplings = st.builds(
    Sampling,
    temperature=st.one_of(st.just(0.0), st.floats(0.01, 10)),
    top_k=st.one_of(st.none(), st.integers(1, 50)),
    top_p=st.floats(0.001, 1),
    min_p=st.floats(0, 1),
)


def test_draws_have_the_given_frequencies() -> None:
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    sampler = Sampler(Sampling(), seed=0)
    draws = [sampler.draw(np.log(probabilities)) for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(draws) / 4000, probabilities, atol=0.03)


@FEW
@given(row=rows, temperature=st.floats(0.05, 10))
def test_temperature_divides_the_log_odds(row: list[float], temperature: float) -> None:
    law = Sampling(temperature=temperature).probabilities(np.array(row))
    weights = np.exp((np.array(row) - max(row)) / temperature)
    np.testing.assert_allclose(law, weights / weights.sum(), atol=1e-12)


@FEW
@given(row=rows, top_k=st.integers(1, 50))
def test_top_k_keeps_exactly_the_k_most_probable(row: list[float], top_k: int) -> None:
    row = [round(logprob, 6) for logprob in row]  # smaller differences are ties after `exp`
    law = Sampling(top_k=top_k).probabilities(np.array(row))
    ranked = sorted(range(len(row)), key=lambda symbol: (-row[symbol], symbol))
    kept = [symbol for symbol in ranked[:top_k] if row[symbol] > -np.inf]
    expected = np.zeros(len(row))
    expected[kept] = np.exp(np.array(row)[kept] - max(row))
    np.testing.assert_allclose(law, expected / expected.sum(), atol=1e-12)


def test_top_p_keeps_the_smallest_set_of_enough_mass() -> None:
    law = Sampling(top_p=0.75).probabilities(np.log([0.5, 0.3, 0.15, 0.05]))
    np.testing.assert_allclose(law, [0.625, 0.375, 0, 0])


def test_min_p_drops_what_is_far_below_the_most_probable() -> None:
    law = Sampling(min_p=0.4).probabilities(np.log([0.5, 0.3, 0.15, 0.05]))
    np.testing.assert_allclose(law, [0.625, 0.375, 0, 0])


def test_filters_apply_one_after_the_other() -> None:
    row = np.log([0.4, 0.3, 0.2, 0.1])
    # top-k leaves 4/9, 3/9, 2/9; half of that is reached by the first two
    law = Sampling(top_k=3, top_p=0.5).probabilities(row)
    np.testing.assert_allclose(law, [4 / 7, 3 / 7, 0, 0])
    # a temperature of 1/2 squares the odds first: 16 : 9 : 4 : 1
    law = Sampling(temperature=0.5, min_p=0.5).probabilities(row)
    np.testing.assert_allclose(law, [16 / 25, 9 / 25, 0, 0])


@FEW
@given(row=rows, sampling=samplings)
def test_filters_never_remove_the_most_probable(row: list[float], sampling: Sampling) -> None:
    law = sampling.probabilities(np.array(row))
    assert law.sum() == pytest.approx(1)
    assert law[int(np.argmax(row))] == law.max() > 0
    assert not law[np.array(row) == -np.inf].any()


@FEW
@given(row=rows, sampling=samplings, seed=st.integers(0, 1000))
def test_draws_have_mass_and_follow_the_seed(
    row: list[float], sampling: Sampling, seed: int
) -> None:
    first, second = (Sampler(sampling, seed=seed) for _ in range(2))
    law = sampling.probabilities(np.array(row))
    for _ in range(5):
        symbol = first.draw(np.array(row))
        assert law[symbol] > 0
        assert symbol == second.draw(np.array(row))


def test_temperature_zero_takes_the_lowest_of_the_most_probable() -> None:
    assert Sampler(Sampling(temperature=0)).draw(np.log([0.2, 0.4, 0.4])) == 1


def test_tiny_temperatures_are_greedy() -> None:
    law = Sampling(temperature=1e-308).probabilities(np.log([0.2, 0.5, 0.3]))
    np.testing.assert_array_equal(law, [0, 1, 0])


@pytest.mark.parametrize("row", [[-np.inf, -np.inf], [np.nan, 0.0]])
def test_rows_without_mass_are_errors(row: list[float]) -> None:
    with pytest.raises(ModelError):
        Sampler(Sampling()).draw(np.array(row))


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1.0},
        {"temperature": math.inf},
        {"temperature": math.nan},
        {"top_k": 0},
        {"top_k": 1.5},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"top_p": math.nan},
        {"min_p": -0.1},
        {"min_p": 1.1},
        {"repetition_penalty": -1.0},
        {"repetition_penalty": math.inf},
        {"repetition_length": 0},
        {"repetition_length": None},
        {"no_repeat_ngram": 0},
    ],
)
def test_options_out_of_range_are_errors(options: dict) -> None:
    with pytest.raises(ArgumentError, match=next(iter(options))):
        Sampling(**options)


def test_every_field_is_a_keyword_of_generation() -> None:
    names = {field.name: field.type for field in dataclasses.fields(Sampling)}
    keywords = {
        name: reference.__forward_arg__
        for name, reference in SamplingOptions.__annotations__.items()
    }
    assert names == keywords


@given(st.binary(max_size=30), st.lists(st.binary(min_size=1, max_size=3), max_size=3))
def test_text_ends_before_the_first_stop_string(text: bytes, stops: list[bytes]) -> None:
    matcher = StopMatcher(stops)
    out = b""
    for symbol in text:
        out += b"".join(matcher.feed(symbol))
        if matcher.stopped:
            break
    else:
        out += b"".join(matcher.flush())
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    if not ends:
        assert out == text
        return
    end = min(ends)
    longest = max(len(s) for s in stops if text[:end].endswith(s))
    shortest = min(len(s) for s in stops if text[:end].endswith(s))
    assert end - longest <= len(out) <= end - shortest
    assert text.startswith(out)
