"""What subcommands share on the way out: text streams, tables, JSON, files."""

from __future__ import annotations

import codecs
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, cast

from tokkit.cli.declarations import Alone, option
from tokkit.cli.option_types import OutputFile
from tokkit.cli.terminal import console_of, harmless, is_drawable, shown
from tokkit.errors import ArgumentError

JsonFlag = Annotated[bool, option("print one JSON object", name="--json", panel="Outputs")]
LINES_AT_ONCE = 1024
_JSON = "as JSON, to a file or stdout"
JsonFileOption = Annotated[
    str | None, option(_JSON, OutputFile(), "[FILE]", panel="Outputs"), Alone("-")
]
QuietFlag = Annotated[bool, option("no summary on stdout", panel="Outputs")]


def html_option(about: str) -> Any:
    """`--html FILE`."""
    return option(about, OutputFile(), "FILE", panel="Outputs")


def write_stream(pieces: Iterable[bytes]) -> bytes:
    """Write bytes to stdout as they come, whole characters at a time, and return them all.

    Invalid UTF-8 is written as U+FFFD, so that the output is valid whatever the models say. On a
    terminal, control characters but for line ends and tabs are shown as escapes.
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


def print_json_list(first: dict[str, Any], name: str, items: Iterator[dict[str, Any]]) -> None:
    """`first`, a list of the items as they come, and `n_NAME`, how many: one JSON object."""
    print(json.dumps(first | {name: []}, indent=2).removesuffix("]\n}"), end="")
    n_items = 0
    while block := list(islice(items, LINES_AT_ONCE)):
        inner = json.dumps(block, indent=2).removeprefix("[").removesuffix("\n]")
        print("," * bool(n_items) + inner.replace("\n", "\n  "), end="", flush=True)
        n_items += len(block)
    print("\n  " * bool(n_items) + f'],\n  "n_{name}": {n_items}\n}}')


def bytes_fields(name: str, data: bytes) -> dict[str, str]:
    """Bytes for JSON: as text, and in hexadecimal, because the text may have lost some."""
    return {name: data.decode("utf-8", errors="replace"), f"{name}_hex": data.hex()}


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, to_stderr: bool = False
) -> None:
    """Columns as wide as their widest cell; the first to the left, the others to the right.

    Ruled on a terminal, plain columns elsewhere.
    """
    from rich import box
    from rich.table import Table

    stream = sys.stderr if to_stderr else sys.stdout
    console = console_of(stream)
    ruled = box.SIMPLE_HEAD if is_drawable(stream) else None
    table = Table(
        box=ruled, show_edge=False, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0)
    )
    for place, name in enumerate(header):
        table.add_column(shown(name), justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(shown, row))
    with console.capture() as capture:
        console.print(table)
    # Spaces that rich adds at the end of a line are nothing to a reader, and something to a script.
    stream.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))
    stream.flush()


def format_number(value: float | None, digits: int = 4) -> str:
    """A number for a table; `-` for one that is unknown or not defined."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def format_weight(value: float) -> str:
    """A probability for a table, with its magnitude when it is small: `1.3e-07`."""
    return f"{value:.4f}" if value == 0 or value >= 0.001 else f"{value:.1e}"


def save_text(path: str, text: str) -> None:
    """Write UTF-8 to a file, which is there whole or not at all; `-` is stdout.

    Raises:
        FormatError: the file cannot be written.
    """
    from tokkit.files.writing import write_whole

    if path == "-":
        # Bytes, because the terminal's encoding may not be UTF-8.
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        write_whole(Path(path), text)


def refuse_two_on_stdout(**files: str | None) -> None:
    """Refuse several outputs that would be mixed on stdout.

    Args:
        files: option (with `_` for `-`) -> where it writes.

    Raises:
        ArgumentError: two of them are `-`.
    """
    given = [f"--{name.replace('_', '-')}" for name, file in files.items() if file == "-"]
    if len(given) > 1:
        raise ArgumentError(f"{' and '.join(given)} write to stdout; give files for all but one")


def _write(text: str) -> None:
    if text:
        # Bytes, because the terminal's encoding may not be UTF-8.
        sys.stdout.buffer.write(harmless(text).encode())
        sys.stdout.buffer.flush()


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_finite(item) for item in cast("list[Any]", value)]
    return value
