"""Sections as plain lines for a terminal: title and summary, figures, tables."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tokkit.report.layout import BOLD, PLAIN, Layout, columns_of, filled, shortened, wrapped
from tokkit.report.section import CellKind, Fact, Scalar, Section, Table
from tokkit.report.wording import number, unit_of, visible

_LABEL_WIDTH = 34
_MAX_FACTS = 8
_MAX_CELL = 40
_MAX_CELL_ON_TERMINAL = 80
_INDENT, _GAP = "    ", "  "
_WHOLE, _WORDS, _PIECES = range(3)
_LEAST = 10
_ATTEMPTS = (
    (_WHOLE, _MAX_CELL), (_WORDS, _MAX_CELL), (_WORDS, _LEAST), (_PIECES, _LEAST),
)  # fmt: skip
"""To fit a table: how headings may be broken, and how short texts may be cut."""


def heading_lines(section: Section, layout: Layout = PLAIN) -> list[str]:
    """Title and summary."""
    return [layout.styled(section.title, BOLD), *wrapped(visible(section.summary), 2, layout)]


def fact_lines(section: Section, layout: Layout = PLAIN) -> list[str]:
    """The first facts, a line each; on a terminal what is too long goes on below."""
    facts = section.facts[:_MAX_FACTS]
    width = max([_LABEL_WIDTH, *(len(visible(fact.label)) for fact in facts)])
    lines: list[str] = []
    for fact in facts:
        label, value, interval = f"  {visible(fact.label):<{width}}  ", _value(fact), _ends(fact)
        if layout.width is None or layout.fits(label + value + interval):
            lines.append(label + value + interval)
        else:
            space = " " * len(label)
            lines += filled(value, label, space, layout.width)
            lines += [space + interval.strip()] * bool(interval)
    left = len(section.facts) - _MAX_FACTS
    if left > 0:
        lines.append(f"  … and {left} more in the page and the JSON")
    return lines


def _value(fact: Fact) -> str:
    return _scalar(fact.value) + ("" if not fact.unit else f" {unit_of(fact.value, fact.unit)}")


def _ends(fact: Fact) -> str:
    if fact.interval is None:
        return ""
    low, high = map(_scalar, fact.interval)
    return f"  ({low} to {high})"


def table_lines(table: Table, layout: Layout = PLAIN) -> list[str]:
    """Title, columns as wide as their widest cell, and the note.

    On a terminal the table fits its width: headings take several lines where they must, and texts
    are cut; they are longer where there is room.
    """
    kinds: list[CellKind] = [column.kind for column in table.columns]
    heads = [column.label for column in table.columns]
    limit = _MAX_CELL if layout.width is None else _MAX_CELL_ON_TERMINAL
    rows = [[_cell(*each, limit) for each in zip(row, kinds, strict=True)] for row in table.rows]
    widths = [max(map(columns_of, column)) for column in zip(heads, *rows, strict=True)]
    if layout.width is not None:
        room = layout.width - len(_INDENT) - len(_GAP) * (len(heads) - 1)
        widths = _fitted(heads, rows, kinds, room)
        rows = [[_cell(*e) for e in zip(row, kinds, widths, strict=True)] for row in table.rows]

    def line(cells: Sequence[str]) -> str:
        parts = map(_padded, cells, widths, kinds)
        return (_INDENT + _GAP.join(parts)).rstrip()

    lines = [f"  {table.title}:", *map(line, _stacked(heads, widths)), *map(line, rows)]
    return [*lines, *wrapped(table.note, 4, layout)] if table.note else lines


def _fitted(
    heads: Sequence[str], rows: Sequence[Sequence[str]], kinds: Sequence[CellKind], room: int
) -> list[int]:
    """Widths of columns whose sum is `room` at most, if that can be."""
    widths: list[int] = []
    for broken, shortest in _ATTEMPTS:
        least: list[int] = []
        widths = []
        for k, head in enumerate(heads):
            cells = max((columns_of(row[k]) for row in rows), default=0)
            widths.append(max(_narrowest(head, min(broken, _WORDS)), cells))
            kept = cells if kinds[k] == "number" else min(shortest, cells)
            least.append(max(_narrowest(head, broken), kept))
        while sum(widths) > room and widths != least:
            over = [width - narrowest for width, narrowest in zip(widths, least, strict=True)]
            cuttable = [k for k, more in enumerate(over) if more]
            widths[max(cuttable, key=lambda k: widths[k])] -= 1
        if sum(widths) <= room:
            break
    return widths


def _narrowest(head: str, broken: int) -> int:
    parts = [head] if broken == _WHOLE else head.split()
    width = max(map(columns_of, parts), default=0)
    return min(width, _LEAST) if broken == _PIECES else width


def _stacked(heads: Sequence[str], widths: Sequence[int]) -> list[list[str]]:
    """The headings in as many lines as they need; the last words stand right above the cells."""
    stacks = [
        [head] if columns_of(head) <= width else textwrap.wrap(head, width)
        for head, width in zip(heads, widths, strict=True)
    ]
    height = max(map(len, stacks))
    stacks = [[""] * (height - len(stack)) + stack for stack in stacks]
    return [list(line) for line in zip(*stacks, strict=True)]


def _padded(cell: str, width: int, kind: CellKind) -> str:
    space = " " * (width - columns_of(cell))
    return space + cell if kind == "number" else cell + space


def _cell(cell: Scalar, kind: CellKind, width: int) -> str:
    if not isinstance(cell, str):
        return _scalar(cell)
    return f"'{shortened(cell, width - 2)}'" if kind == "code" else shortened(cell, width)


def _scalar(value: Scalar) -> str:
    return visible(number(value, unknown="-"))
