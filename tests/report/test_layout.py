"""Lines for a terminal stay within its columns, and say there what they say elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokkit.report.layout import PLAIN, Layout, columns_of, shortened, side_by_side, wrapped
from tokkit.report.section import Column, Fact, Section, Table
from tokkit.report.terminal import fact_lines, heading_lines, table_lines

WIDTHS = st.integers(50, 220)
TEXTS = st.text(st.sampled_from("ab c中é\n\x07क्"), max_size=60)
COST = Table(
    "cost",
    "Cost by language",
    (
        Column("code", "Code"),
        Column("name", "Language or kind"),
        Column("before", "Tokens, some/very/long-name-of-a-tokenizer", "number"),
        Column("after", "Tokens, other", "number"),
        Column("change", "Change, %", "number"),
    ),
    (("ben", "Bengali", 4174, 571, -86.3), ("eng", "English", 12, None, 0.0)),
    "The note of a table is prose, and breaks between its words where a line is full.",
)


@given(TEXTS, st.integers(2, 40))
def test_a_shortened_text_fits_and_begins_as_the_text_does(text: str, width: int) -> None:
    short = shortened(text, width)
    assert columns_of(short) <= width
    assert shortened(text, 10_000).startswith(short.removesuffix("…"))


@given(st.lists(st.tuples(TEXTS, TEXTS, st.integers()), max_size=4), WIDTHS)
def test_a_table_fits_the_terminal(rows: list[tuple[str, str, int]], width: int) -> None:
    heads = (Column("a", "Token", "code"), Column("b", "Kind"), Column("c", "Count", "number"))
    rows = [(one, other, number % 1000) for one, other, number in rows]
    lines = table_lines(Table("t", "Title", heads, tuple(rows)), Layout(width=width))
    assert max(map(columns_of, lines)) <= width
    assert len(lines) == len(rows) + 2


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_long_headings_take_several_lines(width: int) -> None:
    lines = table_lines(COST, Layout(width=width))
    assert max(map(columns_of, lines)) <= width
    heads = lines[1 : next(k for k, line in enumerate(lines) if "ben" in line)]
    assert (len(heads) == 1) == (width >= 100)
    assert "very/long-name" in "".join("".join(heads).split())
    assert "-86.3" in "".join(lines)


def test_without_a_terminal_a_row_is_one_line_of_any_length() -> None:
    title, head, *_ = table_lines(COST)
    assert title == "  Cost by language:"
    assert "Tokens, some/very/long-name-of-a-tokenizer  Tokens, other" in head


def test_facts_go_on_below_their_values() -> None:
    section = Section("s", "Title", "A summary " * 20, (Fact("f", "Label", "a long value " * 9),))
    for layout in (PLAIN, Layout(width=60)):
        lines = heading_lines(section, layout) + fact_lines(section, layout)
        assert " ".join(" ".join(lines).split()).count("a long value") == 9
    assert max(map(len, lines)) <= 60
    assert max(map(len, fact_lines(section))) > 100


@given(st.lists(st.text("xy", min_size=1, max_size=20), max_size=6), WIDTHS)
def test_parts_stand_side_by_side_where_they_fit(parts: list[str], width: int) -> None:
    lines = side_by_side(parts, 4, Layout(width=width))
    assert " ".join(" ".join(lines).split()) == " ".join(parts)
    assert max(map(len, lines), default=0) <= width
    assert len(side_by_side(parts, 4)) == bool(parts)


def test_prose_is_never_wider_than_is_well_read() -> None:
    text = "word " * 100
    for width, most in ((None, 96), (300, 96), (70, 70)):
        assert most - 5 < max(map(len, wrapped(text, 2, Layout(width=width)))) <= most
