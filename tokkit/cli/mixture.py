"""`tokkit mixture`: the shares of categories in the training data of a tokenizer."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import tokkit
from tokkit.bytelm.packaged import PACKAGED, find_packaged
from tokkit.cli.inputs import Subparsers
from tokkit.cli.option_types import InputFolder, OutputFile, OutputFolder, Real, Source, Whole
from tokkit.cli.output import PROGRESS_DELAY, print_json, progress
from tokkit.errors import ArgumentError, FormatError

if TYPE_CHECKING:
    from tokkit.mixture.result import MixtureResult
    from tokkit.text.tokenizer import TextTokenizer


def add_parser(commands: Subparsers) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "mixture",
        help="what a tokenizer's merges reveal about its training data",
        description="Infer the shares of categories in the training data of a BPE tokenizer from "
        "the order of its merges. FOLDER has a file or a subfolder of files for each category: "
        "plain text, .jsonl or .parquet, possibly compressed. The shares are of bytes.",
    )
    parser.add_argument(
        "tokenizer",
        metavar="TOKENIZER",
        type=Source(),
        help="a packaged model, a file, a folder or a hub id",
    )
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        type=InputFolder(url=True),
        help="samples of the categories; may be a URL",
    )
    parser.add_argument(
        "--method",
        choices=("default", "linear-program"),
        default="default",
        help="linear-program: that of Hayase et al. 2024; slow, no intervals (%(default)s)",
    )
    parser.add_argument(
        "--max-merges",
        type=Whole(1),
        metavar="N",
        help="use the first N merges (30000; linear-program: 3000)",
    )
    parser.add_argument(
        "--level",
        type=Real(above=0, below=1),
        default=0.9,
        help="coverage of the intervals (%(default)s)",
    )
    parser.add_argument(
        "--inherits",
        action="append",
        type=Source(),
        default=[],
        metavar="TOKENIZER",
        help="leave out the merges taken over from this tokenizer, if there are any; repeatable",
    )
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="NAME=CATEGORY[,...]",
        help="also tell the share of several categories together; patterns (code*) allowed; "
        "repeatable",
    )
    parser.add_argument(
        "--text-field", default="text", help="of JSON records and Parquet files (%(default)s)"
    )
    parser.add_argument(
        "--jobs",
        type=Whole(1, other=-1),
        metavar="N",
        help="files read at a time; -1: one a core (1)",
    )
    parser.add_argument(
        "--cache",
        type=OutputFolder(),
        metavar="DIR",
        help="keep the counts of finished files here, to resume",
    )
    parser.add_argument("--html", type=OutputFile(), metavar="FILE", help="write a report to FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    from tokkit.mixture.groups import find_groups
    from tokkit.mixture.inference import CountingOptions, infer_mixture
    from tokkit.mixture.shard_text import ReadOptions
    from tokkit.mixture.sources import find_categories

    categories = find_categories(args.folder)
    groups = parse_groups(args.group)
    find_groups(list(categories), groups)  # before the long part
    counting = CountingOptions(
        n_jobs=args.jobs, cache=args.cache, read=ReadOptions(text_field=args.text_field)
    )
    meter = Meter()
    try:
        result = infer_mixture(
            _load(args.tokenizer),
            categories,
            method=args.method,
            max_merges=args.max_merges,
            level=args.level,
            inherits=[_load(other) for other in args.inherits],
            counting=counting,
            progress=meter,
        )
    finally:
        meter.close()
    # As the user calls it.
    result = replace(result, tokenizer=args.tokenizer).with_groups(groups)
    if args.html is not None:
        _write(args.html, result.to_html())
    if args.json:
        print_json(result.to_dict())
    else:
        _print(result)
    return 0


def parse_groups(texts: Sequence[str]) -> dict[str, list[str]]:
    """Group -> its categories or patterns, from texts such as `code=C*,Python`.

    Raises:
        ArgumentError: a text without a name or without categories, or a name twice.
    """
    groups: dict[str, list[str]] = {}
    for text in texts:
        name, _, patterns = text.partition("=")
        members = [pattern for pattern in patterns.split(",") if pattern]
        if not name or not members or name in groups:
            raise ArgumentError(
                f"--group {text!r}: expected NAME=CATEGORY[,CATEGORY...], each name once"
            )
        groups[name] = members
    return groups


def _load(source: str) -> TextTokenizer:
    with progress(f"loading {source}"):
        return tokkit.load_tokenizer(find_packaged(source) if source in PACKAGED else source)


class Meter:
    """Progress on stderr: a line that is overwritten on a terminal, one a step elsewhere."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._last = ""
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say what is done; nothing within the first second."""
        if time.monotonic() - self._start < PROGRESS_DELAY:
            return
        if self._is_terminal:
            share = f" {done / total:4.0%}" if total else f" {done:,}"
            print(f"\r\x1b[Ktokkit: {what}{share}", end="", file=sys.stderr, flush=True)
        elif what != self._last:
            print(f"tokkit: {what} ...", file=sys.stderr, flush=True)
        self._last = what

    def close(self) -> None:
        """Clear the line."""
        if self._is_terminal and self._last:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_bytes(text.encode())
    except OSError as error:
        raise FormatError(f"cannot write {path!r}: {error.strerror}") from error


def _print(result: MixtureResult) -> None:
    lines = [
        f"{result.tokenizer}: shares of bytes, from {result.n_merges:,} merges",
        "",
        str(result),
        "",
        *(f"warning: {warning}" for warning in result.warnings),
        *result.trust(),
    ]
    with suppress(AttributeError, ValueError):
        # Bars and names are no ASCII, whatever the terminal's encoding says.
        sys.stdout.reconfigure(encoding="utf-8")  # pyright: ignore[reportAttributeAccessIssue]
    print("\n".join(lines))
