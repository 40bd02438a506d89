"""What subcommands share on the way out: text streams, tables, JSON, progress."""

from __future__ import annotations

import argparse
import codecs
import json
import math
import sys
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

from tokkit.errors import ArgumentError

PROGRESS_DELAY = 1.0
"""Seconds after which a step says on stderr what it is doing."""


def write_stream(pieces: Iterable[bytes]) -> bytes:
    """Write bytes to stdout as they come, whole characters at a time, and return them all.

    Invalid UTF-8 is written as U+FFFD, so that the output is valid whatever the models say.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    written = bytearray()
    for piece in pieces:
        written += piece
        _write(decoder.decode(piece))
    _write(decoder.decode(b"", final=True))
    return bytes(written)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on stdout. Infinite numbers, which JSON lacks, become null."""
    print(json.dumps(_finite(value), indent=2))


def bytes_fields(name: str, data: bytes) -> dict[str, str]:
    """Bytes for JSON: as text, and in hexadecimal, because the text may have lost some."""
    return {name: data.decode("utf-8", errors="replace"), f"{name}_hex": data.hex()}


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first to the left, the others to the right."""
    cells = [header, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def bits_per_byte(logprob: float, n_bytes: int) -> float:
    """Nats of log-probability as bits for each byte; NaN for an empty text."""
    return -logprob / math.log(2) / n_bytes if n_bytes else math.nan


def format_number(value: float | None, digits: int = 4) -> str:
    """A number for a table; `-` for one that is unknown or not defined."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def format_weight(value: float) -> str:
    """A probability for a table, with its magnitude when it is small: `1.3e-07`."""
    return f"{value:.4f}" if value == 0 or value >= 0.001 else f"{value:.1e}"


@contextmanager
def progress(what: str) -> Generator[None]:
    """Say on stderr what is being done, once it has taken longer than `PROGRESS_DELAY`."""
    timer = threading.Timer(
        PROGRESS_DELAY, print, args=(f"tokkit: {what} ...",), kwargs={"file": sys.stderr}
    )
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def save_text(path: str, text: str) -> None:
    """Write UTF-8 to a file, which is there whole or not at all; `-` is stdout.

    Raises:
        FormatError: the file cannot be written.
    """
    from tokkit.audit.outputs.files import write_whole

    if path == "-":
        # Bytes, because the terminal's encoding may not be UTF-8.
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        write_whole(Path(path), text)


def refuse_two_on_stdout(args: argparse.Namespace, names: Sequence[str]) -> None:
    """Refuse several outputs that would be mixed on stdout.

    Args:
        args: the options.
        names: of those that take a file.

    Raises:
        ArgumentError: two of them are `-`.
    """
    given = [f"--{name}" for name in names if getattr(args, name) == "-"]
    if len(given) > 1:
        raise ArgumentError(f"{' and '.join(given)} write to stdout; give files for all but one")


class DelayedProgress:
    """Says on stderr which step has begun, once the whole has taken longer than `PROGRESS_DELAY`.

    One line that is overwritten on a terminal, one a step elsewhere. A context manager.
    """

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._what = ""
        self._shown = ""
        self._lock = threading.Lock()
        self._timer = threading.Timer(PROGRESS_DELAY, self._show)
        self._timer.daemon = True
        self._is_terminal = sys.stderr.isatty()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __call__(self, what: str) -> None:
        """A step has begun."""
        self._what = what
        if time.monotonic() - self._start >= PROGRESS_DELAY:
            self._show()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._is_terminal and self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _show(self) -> None:
        with self._lock:
            if self._what in ("", self._shown):
                return
            self._shown = self._what
            if self._is_terminal:
                print(f"\r\x1b[Ktokkit: {self._what} ...", end="", file=sys.stderr, flush=True)
            else:
                print(f"tokkit: {self._what} ...", file=sys.stderr, flush=True)


def _write(text: str) -> None:
    if text:
        # Bytes, because the terminal's encoding may not be UTF-8.
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_finite(item) for item in cast("list[Any]", value)]
    return value
