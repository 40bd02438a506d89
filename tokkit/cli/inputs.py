"""What subcommands share on the way in: models, texts, sampling options."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import tokkit
from tokkit.cli.option_types import Checked, InputFile, Real, Whole
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
        file_name,
        dest="file",
        type=InputFile(stdin=True),
        metavar="FILE",
        help=f"{what}, from a file; - or nothing for stdin",
    )


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """The options of `generate`."""
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--max-bytes", type=Whole(0), default=256, help="stop after so many (%(default)s)"
    )
    group.add_argument("--temperature", type=Real(0), default=1.0, help="0 is greedy (%(default)s)")
    group.add_argument("--top-k", type=Whole(1), metavar="K", help="only the K most probable bytes")
    group.add_argument(
        "--top-p", type=Real(most=1, above=0), default=1.0, help="nucleus (%(default)s)"
    )
    group.add_argument(
        "--min-p",
        type=Real(0, 1),
        default=0.0,
        help="no byte below this share of the most probable one (%(default)s)",
    )
    group.add_argument("--seed", type=Whole(0), help="for the same text again")
    group.add_argument(
        "--stop",
        action="append",
        type=Checked(_check_stop),
        default=[],
        metavar="TEXT",
        help="stop before TEXT; repeatable",
    )
    group.add_argument(
        "--repetition-penalty",
        type=Real(0),
        default=0.0,
        metavar="NATS",
        help="for each byte that makes a repeat longer than --repetition-length (%(default)s)",
    )
    group.add_argument(
        "--repetition-length",
        type=Whole(1),
        default=16,
        metavar="BYTES",
        help="repeats up to this length are free (%(default)s)",
    )
    group.add_argument(
        "--no-repeat-ngram", type=Whole(1), metavar="BYTES", help="no string of this length twice"
    )
    group.add_argument("--utf8", action="store_true", help="only valid UTF-8, whole characters")
    group.add_argument(
        "--pattern",
        type=Checked(_check_pattern),
        metavar="REGEX",
        help="the whole continuation must match; needs the constrained extra",
    )


def _check_stop(text: str) -> None:
    from tokkit.bytelm.sampling import check_stops

    check_stops([os.fsencode(text)], whole_characters=False)


def _check_pattern(text: str) -> None:
    from tokkit.bytelm.patterns import Matches

    Matches(text)


def sampling_options(args: argparse.Namespace) -> dict[str, Any]:
    """Keyword arguments of `stream` and `generate`."""
    return {
        "max_bytes": args.max_bytes,
        "temperature": args.temperature,
        "top_k": args.top_k,
        "top_p": args.top_p,
        "min_p": args.min_p,
        "repetition_penalty": args.repetition_penalty,
        "repetition_length": args.repetition_length,
        "no_repeat_ngram": args.no_repeat_ngram,
        "valid_utf8": args.utf8,
        "seed": args.seed,
        "stop": tuple(os.fsencode(text) for text in args.stop),
        "pattern": args.pattern,
    }


def beam_options(args: argparse.Namespace, parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Keyword arguments of `beam_search`, but for those about the beams.

    Args:
        args: what `parser` made of the command line.
        parser: knows the defaults.

    Raises:
        ArgumentError: an option that only sampling has was given.
    """
    options = sampling_options(args)
    kept = ("max_bytes", "stop", "pattern", "valid_utf8")
    for name in options.keys() - set(kept):
        if options[name] != parser.get_default(name):
            raise ArgumentError(
                f"--{name.replace('_', '-')} is about sampling, and --beams does not sample; "
                "leave one of them out"
            )
    return {name: options[name] for name in kept}


def read_text(args: argparse.Namespace) -> bytes:
    """The bytes named by the options of `add_text_options`.

    Raises:
        ArgumentError: no text was given, and stdin is a terminal.
        FormatError: the file cannot be read.
    """
    if args.text is not None:
        return os.fsencode(args.text)
    if args.file not in (None, "-"):
        return read_file(args.file)
    if args.file is None and sys.stdin.isatty():
        raise ArgumentError("there is no text: give it as an option or on stdin (see --help)")
    return sys.stdin.buffer.read()


def read_file(path: str) -> bytes:
    """The bytes of a file.

    Raises:
        FormatError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FormatError(
            f"cannot read {path!r}: {error.strerror}; give the path of a file"
        ) from error


def load_model(source: str) -> ByteLM:
    """`tokkit.load_lm`, with a word on stderr when it takes a while."""
    with progress(f"loading {source}"):
        return tokkit.load_lm(source)
