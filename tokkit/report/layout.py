"""Lines of text for a terminal: prose, and parts side by side, in the columns that there are."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from tokkit.report.wording import visible

PROSE_WIDTH = 96
"""Columns of lines of prose, at most; wider ones are hard to read."""
BOLD, DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"


@dataclass(frozen=True)
class Layout:
    """How lines are laid out.

    Attributes:
        colour: whether styles of a terminal may stand in them.
        width: columns of the terminal, which no line crosses but for a long word. None where there
            is no terminal: prose has 96 columns, and other lines are as long as they are.
    """

    colour: bool = False
    width: int | None = None

    @property
    def prose_width(self) -> int:
        """Columns of lines of prose."""
        return PROSE_WIDTH if self.width is None else min(self.width, PROSE_WIDTH)

    def styled(self, text: str, code: str) -> str:
        """`text` in a style of the terminal, if there may be any."""
        return f"{code}{text}{_RESET}" if self.colour else text

    def fits(self, line: str) -> bool:
        """Whether a line stands in the width of the terminal."""
        return self.width is None or columns_of(line) <= self.width


PLAIN = Layout()


def columns_of(text: str) -> int:
    """Columns that a text takes on a terminal: two for an ideograph, none for a combining mark."""
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)


def shortened(text: str, width: int) -> str:
    """A text of others, made visible, and cut where it is wider than `width` columns."""
    if columns_of(whole := visible(text)) <= width:
        return whole
    text = text[:width]
    while text and columns_of(visible(text)) >= width:
        text = text[:-1]
    return f"{visible(text)}…"


def filled(text: str, first: str, rest: str, width: int) -> list[str]:
    """Lines of at most `width` columns, words kept whole.

    Args:
        text: to be broken.
        first: what the first line begins with.
        rest: what the others begin with.
        width: columns.
    """
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def wrapped(text: str, indent: int, layout: Layout = PLAIN) -> list[str]:
    """Lines of prose."""
    return filled(text, " " * indent, " " * indent, layout.prose_width)


def side_by_side(parts: Sequence[str], indent: int, layout: Layout = PLAIN) -> list[str]:
    """Parts in one line, or, each whole if it can be, in as many as the terminal needs."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]} {part}" if lines else ""
        if lines and layout.fits(longer):
            lines[-1] = longer
            continue
        space = " " * (indent + 2 * bool(lines))
        if layout.width is None or layout.fits(space + part):
            lines.append(space + part)
        else:
            lines += filled(part, space, space, layout.width)
    return lines
