"""The terminal as rich draws on it: is there one, has it colours, and text that cannot harm it.

Text of others (names of files, pieces of tokens, what a model writes) is never markup here, and its
control characters are shown, not sent. `NO_COLOR` and `TERM=dumb` are rich's to respect.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from tokkit.audit.outputs.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

PLAIN_WIDTH = 1_000_000
"""Columns of what is no terminal, or a dumb one: nothing is cut or folded there."""


def console_of(stream: TextIO) -> Console:
    """A console that writes to a stream; no markup, no emoji codes, no guesses at numbers."""
    from rich.console import Console, ConsoleDimensions

    with suppress(AttributeError, ValueError):
        # Names and bars are no ASCII, whatever the terminal's encoding says.
        stream.reconfigure(encoding="utf-8")  # pyright: ignore[reportAttributeAccessIssue]
    console = Console(
        file=stream, force_terminal=stream.isatty(), markup=False, emoji=False, highlight=False
    )
    if not console.is_terminal or console.is_dumb_terminal:
        console.size = ConsoleDimensions(PLAIN_WIDTH, height=25)
    return console


def is_drawable(stream: TextIO) -> bool:
    """Whether it is a terminal on which lines and frames can be drawn."""
    console = console_of(stream)
    return console.is_terminal and not console.is_dumb_terminal


def has_colour(stream: TextIO) -> bool:
    """Whether colours may be written there."""
    if not stream.isatty():
        return False
    console = console_of(stream)
    return console.color_system is not None and not console.no_color


def shown(text: str | bytes, style: str = "") -> Text:
    """Text of others, for rich: no markup, and each control character as an escape."""
    from rich.text import Text

    return Text(visible(text), style)


def harmless(text: str) -> str:
    """Text of others for stdout: on a terminal, controls but line ends and tabs as escapes."""
    if not sys.stdout.isatty():
        return text
    return "".join(char if char in "\n\t" else visible(char) for char in text)
