"""Laws of wording: everything can be seen, nothing plain is changed, figures read as expected."""

from __future__ import annotations

import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokkit.report import wording
from tokkit.report.wording import excerpt, number, quoted, visible


def test_the_examples_hold() -> None:
    results = doctest.testmod(wording)
    assert results.attempted >= 7 and results.failed == 0


@given(st.binary(max_size=30))
def test_what_is_visible_has_no_controls(data: bytes) -> None:
    assert visible(data).isprintable() or " " in visible(data)
    assert "\n" not in visible(data)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(st.binary(max_size=30) | st.text(max_size=30).map(str.encode))
def test_an_excerpt_is_what_is_visible_but_for_odd_spaces(data: bytes) -> None:
    assert visible(excerpt(data, limit=200)) == visible(data)
    assert excerpt("a\u3000b\n".encode()) == "a\u3000b" + r"\n"


def test_an_excerpt_is_no_longer_than_its_limit() -> None:
    assert [excerpt(b"abcd", limit=k) for k in (3, 4)] == ["ab…", "abcd"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (math.nan, "–"),
        (None, "–"),
        (False, "no"),
        (1234.5, "1,234.5"),
        (1e7, "10,000,000"),
        ("a", "a"),
    ],
)
def test_figures_read_as_expected(value: str | float | None, said: str) -> None:
    assert number(value) == said


def test_short_texts_are_quoted_with_their_code_points() -> None:
    assert quoted("a\n") == r"'a\n'"
    assert quoted("é") == "'é' (U+00E9)"
    assert quoted("é" * 7) == ascii("é" * 7)
