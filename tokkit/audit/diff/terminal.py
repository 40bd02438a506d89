"""A diff for a terminal: what changed, part by part, with the first rows of each table."""

from __future__ import annotations

from itertools import takewhile

from tokkit.audit.diff.difference import Difference
from tokkit.audit.diff.sections import diff_sections
from tokkit.report.terminal import BOLD, heading_lines, styled, table_lines
from tokkit.report.wording import visible

_MAX_ROWS = 10
_MAX_SETTING = 120
_CONTEXT = 16


def diff_text(diff: Difference, *, colour: bool = False) -> str:
    """The diff as text."""
    lines = [styled(f"{visible(diff.before)} -> {visible(diff.after)}", BOLD, colour)]
    if diff.is_same:
        return lines[0] + "\n\nNo difference was found.\n"
    for section in diff_sections(diff, max_rows=_MAX_ROWS):
        lines += ["", *heading_lines(section, colour)]
        for table in section.tables:
            lines += ["", *(_settings(diff) if table.key == "settings" else table_lines(table))]
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
