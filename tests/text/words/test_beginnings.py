"""Which bytes begin a word at a place: what a push of each of them says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.text.words.hard_strings import HARD, NO_TEXT, byte_strings
from tests.text.words.test_splitting import RULES, limits, rules
from tokkit.errors import ArgumentError
from tokkit.text.words import Rule, WordSplitter, beginning_rows


def pushed(splitter: WordSplitter) -> list[bool]:
    """The oracle: each of the 256 bytes, pushed to a copy."""
    return [splitter.copy().push(byte) for byte in range(256)]


def check(data: bytes, rule: Rule, limit: int | None) -> None:
    splitter = WordSplitter(rule, limit)
    found = splitter.copy().extend_with_places(data)
    assert splitter.beginnings().tolist() == pushed(splitter)
    for row, byte in zip(found.rows, data, strict=True):
        splitter.push(byte)
        expected = pushed(splitter)
        assert beginning_rows(rule)[row].tolist() == expected
        assert splitter.beginnings().tolist() == expected


@settings(deadline=None, max_examples=12)
@given(byte_strings, rules, limits)
def test_they_are_those_whose_push_ends_a_word(data: bytes, rule: Rule, limit: int | None) -> None:
    check(data[:6], rule, limit)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("limit", [None, 1, 2, 3, 4, 5, 12])
def test_they_are_on_hard_strings(rule: Rule, limit: int | None) -> None:
    for text in [*map(str.encode, HARD), *NO_TEXT, b"x" * 20]:
        check(text, rule, limit)


@settings(deadline=None)
@given(byte_strings, byte_strings, rules, limits)
def test_places_go_on_as_extend_does(
    data: bytes, more: bytes, rule: Rule, limit: int | None
) -> None:
    splitter = WordSplitter(rule, limit)
    splitter.extend(data)
    found = splitter.copy().extend_with_places(more)
    whole = WordSplitter(rule, limit).extend_with_places(data + more)
    assert found.starts.tolist() == splitter.extend(more).tolist()
    assert np.array_equal(found.rows, whole.rows[len(data) :])


@pytest.mark.parametrize("rule", RULES)
def test_rows_are_few_and_fixed(rule: Rule) -> None:
    rows = beginning_rows(rule)
    assert len(np.unique(rows, axis=0)) == len(rows) < 1000
    with pytest.raises(ValueError, match="read-only"):
        rows[0, 0] = True


@pytest.mark.parametrize("data", [None, 5, ["a"]])
def test_what_is_no_text_has_no_places(data: Any) -> None:
    with pytest.raises(ArgumentError):
        WordSplitter().extend_with_places(data)
