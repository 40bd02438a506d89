"""Laws of `shrink`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokkit.audit.safety.shrinking import shrink

TEXTS = st.text("ab0 x\n", max_size=40)


@given(TEXTS, TEXTS.filter(bool))
def test_what_is_shrunk_still_shows_it_and_is_no_longer(around, core):
    text = around + core + around
    found = shrink(text, lambda t: core in t)
    assert found == core


@given(TEXTS, st.integers(1, 6))
def test_no_single_character_can_be_left_out(text, n):
    def shows(candidate):
        return candidate.count("x") >= n

    text += "x" * n
    found = shrink(text, shows)
    assert shows(found)
    assert not any(shows(found[:k] + found[k + 1 :]) for k in range(len(found)))


@given(TEXTS)
def test_characters_become_the_plainest_that_do(text):
    assert shrink(text + "日日", lambda t: len(t) >= 2) == "aa"


@given(TEXTS, st.integers(0, 30))
def test_the_budget_is_kept_and_the_result_still_shows_it(text, budget):
    calls = []

    def shows(candidate):
        calls.append(candidate)
        return "x" in candidate

    assert "x" in shrink(text + "x", shows, max_calls=budget)
    assert len(calls) <= budget
