"""Sections and tables as plain lines for a terminal; with colours only if the caller asks."""

from __future__ import annotations

import textwrap

from tokkit.report.section import Fact, Scalar, Section, Table
from tokkit.report.wording import number, unit_of, visible

_WIDTH = 96
_LABEL_WIDTH = 34
_MAX_FACTS = 8
_MAX_CELL = 40
BOLD, DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def styled(text: str, code: str, colour: bool) -> str:
    """`text` in a style of the terminal, if `colour`."""
    return f"{code}{text}{_RESET}" if colour else text


def wrapped(text: str, indent: int) -> list[str]:
    """Lines of at most 96 columns, words kept whole."""
    return textwrap.wrap(
        text, _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def heading_lines(section: Section, colour: bool) -> list[str]:
    """Title and summary."""
    return [styled(section.title, BOLD, colour), *wrapped(visible(section.summary), 2)]


def fact_lines(section: Section) -> list[str]:
    """The first facts, a line each."""
    facts = section.facts[:_MAX_FACTS]
    width = max([_LABEL_WIDTH, *(len(visible(fact.label)) for fact in facts)])
    lines = [f"  {visible(fact.label):<{width}}  {_value(fact)}" for fact in facts]
    left = len(section.facts) - _MAX_FACTS
    if left > 0:
        lines.append(f"  … and {left} more in the page and the JSON")
    return lines


def _value(fact: Fact) -> str:
    text = _scalar(fact.value) + ("" if not fact.unit else f" {unit_of(fact.value, fact.unit)}")
    if fact.interval is not None:
        text += f"  ({_scalar(fact.interval[0])} to {_scalar(fact.interval[1])})"
    return text


def table_lines(table: Table) -> list[str]:
    """Title, columns as wide as their widest cell, and the note."""
    is_code = [column.kind == "code" for column in table.columns]
    rows = [list(map(_cell, row, is_code)) for row in table.rows]
    heads = [column.label for column in table.columns]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    numeric = [column.kind == "number" for column in table.columns]

    def line(cells: list[str]) -> str:
        parts = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        ]
        return ("    " + "  ".join(parts)).rstrip()

    lines = [f"  {table.title}:", line(heads), *map(line, rows)]
    return [*lines, *wrapped(table.note, 4)] if table.note else lines


def _cell(cell: Scalar, is_code: bool) -> str:
    if not isinstance(cell, str):
        return _scalar(cell)
    return f"'{visible(cell, _MAX_CELL)}'" if is_code else visible(cell, _MAX_CELL)


def _scalar(value: Scalar) -> str:
    return visible(number(value, unknown="-"))
