"""A diff for a terminal: what changed, part by part, with the first rows of each table."""

from __future__ import annotations

from itertools import takewhile

from tokkit.audit.diff.difference import Difference
from tokkit.audit.diff.sections import diff_sections
from tokkit.audit.outputs.terminal import BOLD, format_scalar, styled, wrapped
from tokkit.audit.outputs.visible import visible
from tokkit.audit.section import Scalar, Table

_MAX_ROWS = 10
_MAX_CELL = 40
_MAX_SETTING = 120
_CONTEXT = 16


def diff_text(diff: Difference, *, colour: bool = False) -> str:
    """The diff as text."""
    lines = [styled(f"{visible(diff.before)} -> {visible(diff.after)}", BOLD, colour)]
    if diff.is_same:
        return lines[0] + "\n\nNo difference was found.\n"
    for section in diff_sections(diff, max_rows=_MAX_ROWS):
        lines += ["", styled(section.title, BOLD, colour), *wrapped(visible(section.summary), 2)]
        for table in section.tables:
            lines += ["", *(_settings(diff) if table.key == "settings" else _table(table))]
    return "\n".join(lines) + "\n"


def _settings(diff: Difference) -> list[str]:
    """Each setting as two lines, from a little before the first place where they differ."""
    lines: list[str] = []
    for setting in diff.settings:
        pairs = zip(setting.before, setting.after, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        start = max(0, same - _CONTEXT)
        mark = "…" if start else ""
        lines += [
            f"  {setting.name}:",
            f"    - {mark}{visible(setting.before[start:], _MAX_SETTING)}",
            f"    + {mark}{visible(setting.after[start:], _MAX_SETTING)}",
        ]
    return lines


def _table(table: Table) -> list[str]:
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
        return format_scalar(cell)
    return f"'{visible(cell, _MAX_CELL)}'" if is_code else visible(cell, _MAX_CELL)
