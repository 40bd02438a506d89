"""What subcommands share on the way in: models, texts, sampling options."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import tokkit
from tokkit.cli.output import progress
from tokkit.errors import ArgumentError, FormatError

if TYPE_CHECKING:
    from tokkit.bytelm.byte_lm import ByteLM

# argparse has no public name for what `add_subparsers` returns.
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # pyright: ignore[reportPrivateUsage]


def add_text_options(parser: argparse.ArgumentParser, name: str, what: str) -> None:
    """`--NAME` and its file form; with neither, the text is read from stdin."""
    file_name = "--file" if name == "text" else f"--{name}-file"
    group = parser.add_mutually_exclusive_group()
    group.add_argument(f"--{name}", dest="text", metavar="TEXT", help=what)
    group.add_argument(
        file_name, dest="file", metavar="FILE", help=f"{what}, from a file; - or nothing for stdin"
    )


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """The options of `generate`."""
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--max-bytes", type=int, default=256, help="stop after so many (%(default)s)"
    )
    group.add_argument("--temperature", type=float, default=1.0, help="0 is greedy (%(default)s)")
    group.add_argument("--top-p", type=float, default=1.0, help="nucleus (%(default)s)")
    group.add_argument("--seed", type=int, help="for the same text again")
    group.add_argument(
        "--stop", action="append", default=[], metavar="TEXT", help="stop before TEXT; repeatable"
    )


def sampling_options(args: argparse.Namespace) -> dict[str, Any]:
    """Keyword arguments of `stream` and `generate`."""
    return {
        "max_bytes": args.max_bytes,
        "temperature": args.temperature,
        "top_p": args.top_p,
        "seed": args.seed,
        "stop": tuple(os.fsencode(text) for text in args.stop),
    }


def read_text(args: argparse.Namespace) -> bytes:
    """The bytes named by the options of `add_text_options`.

    Raises:
        ArgumentError: no text was given, and stdin is a terminal.
        FormatError: the file cannot be read.
    """
    if args.text is not None:
        return os.fsencode(args.text)
    if args.file not in (None, "-"):
        try:
            return Path(args.file).read_bytes()
        except OSError as error:
            raise FormatError(
                f"cannot read {args.file!r}: {error.strerror}; give the path of a file"
            ) from error
    if args.file is None and sys.stdin.isatty():
        raise ArgumentError("there is no text: give it as an option or on stdin (see --help)")
    return sys.stdin.buffer.read()


def load_model(source: str) -> ByteLM:
    """`tokkit.load_lm`, with a word on stderr when it takes a while."""
    with progress(f"loading {source}"):
        return tokkit.load_lm(source)
