"""A diff for a terminal: what changed, part by part, with the first rows of each table."""

from __future__ import annotations

from itertools import takewhile

from tokkit.audit.diff.difference import Difference
from tokkit.audit.diff.sections import diff_sections
from tokkit.report.layout import BOLD, PLAIN, Layout
from tokkit.report.terminal import heading_lines, table_lines
from tokkit.report.wording import visible

_MAX_ROWS = 10
_MAX_SETTING = 120
_CONTEXT = 16


def diff_text(diff: Difference, layout: Layout = PLAIN) -> str:
    """The diff as text."""
    lines = [layout.styled(f"{visible(diff.before)} -> {visible(diff.after)}", BOLD)]
    if diff.is_same:
        return lines[0] + "\n\nNo difference was found.\n"
    for section in diff_sections(diff, max_rows=_MAX_ROWS):
        lines += ["", *heading_lines(section, layout)]
        for table in section.tables:
            is_settings = table.key == "settings"
            lines += ["", *(_settings(diff, layout) if is_settings else table_lines(table, layout))]
    return "\n".join(lines) + "\n"


def _settings(diff: Difference, layout: Layout) -> list[str]:
    """Each setting as two lines, from a little before the first place where they differ."""
    most = _MAX_SETTING if layout.width is None else max(layout.width - 8, _CONTEXT)
    lines: list[str] = []
    for setting in diff.settings:
        pairs = zip(setting.before, setting.after, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        start = max(0, same - _CONTEXT)
        mark = "…" if start else ""
        lines += [
            f"  {setting.name}:",
            f"    - {mark}{visible(setting.before[start:], most)}",
            f"    + {mark}{visible(setting.after[start:], most)}",
        ]
    return lines
