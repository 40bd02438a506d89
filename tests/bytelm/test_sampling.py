"""Draws follow the distribution; stop strings end a text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokkit.bytelm.sampling import Sampler, StopMatcher
from tokkit.errors import ModelError


def test_draws_have_the_given_frequencies() -> None:
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    sampler = Sampler(seed=0)
    draws = [sampler.draw(np.log(probabilities)) for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(draws) / 4000, probabilities, atol=0.03)


def test_top_p_keeps_the_smallest_set_of_enough_mass() -> None:
    sampler = Sampler(top_p=0.75, seed=0)
    draws = {sampler.draw(np.log([0.5, 0.3, 0.15, 0.05])) for _ in range(300)}
    assert draws == {0, 1}


def test_temperature_zero_takes_the_most_probable() -> None:
    assert Sampler(temperature=0).draw(np.log([0.2, 0.5, 0.3])) == 1


@pytest.mark.parametrize("row", [[-np.inf, -np.inf], [np.nan, 0.0]])
def test_rows_without_mass_are_errors(row: list[float]) -> None:
    with pytest.raises(ModelError):
        Sampler().draw(np.array(row))


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
