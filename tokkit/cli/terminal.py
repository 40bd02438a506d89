"""The standard streams, and the terminal that they may be, as rich draws on it.

Are they open; is there a terminal, has it colours; and text that cannot harm it.

Text of others (names of files, pieces of tokens, what a model writes) is never markup here, and its
control characters are shown, not sent. `NO_COLOR` and `TERM=dumb` are rich's to respect.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from tokkit.report.wording import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from tokkit.report.layout import Layout

PLAIN_WIDTH = 1_000_000
"""Columns of what is no terminal, or a dumb one: nothing is cut or folded there."""


def open_closed_streams() -> None:
    """Stand in for standard streams that the caller has closed.

    Reading from stdin and writing to stdout fail then, and remarks are lost. Else a file that is
    opened later would get their number, and `print(file=sys.stderr)` would write to stdout.
    """
    for name, flags in (("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, flags)
            os.set_inheritable(descriptor, True)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8"))


def drop_broken_streams() -> None:
    """Point streams that cannot be written elsewhere; the interpreter flushes them at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


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


def layout_of(stream: TextIO) -> Layout:
    """How lines of text are laid out there: colours, and the columns of a terminal."""
    from tokkit.report.layout import Layout

    # The width of a dumb terminal as well: nothing is drawn there, and words still break.
    width = shutil.get_terminal_size().columns if stream.isatty() else None
    return Layout(colour=has_colour(stream), width=width)


def shown(text: str | bytes, style: str = "") -> Text:
    """Text of others, for rich: no markup, and each control character as an escape."""
    from rich.text import Text

    return Text(visible(text), style)


def harmless(text: str) -> str:
    """Text of others for stdout: on a terminal, controls but line ends and tabs as escapes."""
    if not sys.stdout.isatty():
        return text
    return "".join(char if char in "\n\t" else visible(char) for char in text)
