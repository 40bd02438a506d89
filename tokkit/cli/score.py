"""`tokkit score`: bits per byte of a text, under one model or several side by side."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any, TypedDict

import tokkit
from tokkit.cli.inputs import Subparsers, add_text_options, load_model, read_text
from tokkit.cli.option_types import Source, Whole
from tokkit.cli.output import bits_per_byte, format_number, format_table, print_json, progress
from tokkit.errors import ArgumentError, EncodingError

if TYPE_CHECKING:
    from tokkit.bytelm.byte_lm import ByteLM


EXIT_IMPOSSIBLE = 2


class WindowOptions(TypedDict, total=False):
    """Windows of a text, in bytes; empty where it is scored as a whole."""

    window: int
    stride: int


def add_parser(commands: Subparsers) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "score",
        help="bits per byte of a text",
        description="Bits per byte of a text. Exact: the probability of the bytes, summed over all "
        "canonical encodings of texts that begin so. Tokenization: of its own token sequence "
        "alone, with no id forbidden; this is what is usually reported.",
    )
    parser.add_argument("models", metavar="MODEL", nargs="+", type=Source())
    add_text_options(parser, "text", "the text to score")
    parser.add_argument(
        "--encodings",
        choices=("canonical", "all"),
        default="canonical",
        help="sum over canonical encodings, masked and renormalised, or over all encodings of the "
        "unmodified model, by beam (%(default)s)",
    )
    parser.add_argument(
        "--beam", type=Whole(1), metavar="N", help="width of the beam of --encodings all (8)"
    )
    parser.add_argument(
        "--window",
        type=Whole(2),
        metavar="BYTES",
        help="show a model at most so many bytes at once, for texts longer than it reads; they are "
        "scored in windows that overlap",
    )
    parser.add_argument(
        "--stride",
        type=Whole(1),
        metavar="BYTES",
        help="bytes that each window but the first scores (half of --window)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    windows = _windows(args)
    data = read_text(args)
    if not data:
        raise ArgumentError("the text is empty, so it has no bits per byte; give at least one byte")
    if args.encodings == "all":
        return _run_all(args, data)
    if args.beam is not None:
        raise ArgumentError("--beam belongs to --encodings all; canonical encodings need no beam")
    scores = [_score(load_model(source), data, windows) for source in args.models]
    if args.json:
        print_json({"n_bytes": len(data), **windows, "models": scores})
        return _tell_impossible(scores)
    header = (f"{len(data)} bytes", "exact bits/byte", "tokenization bits/byte")
    keys = ("exact_bits_per_byte", "tokenization_bits_per_byte")
    rows = [(str(s["model"]), *(format_number(s[key]) for key in keys)) for s in scores]
    print(format_table(header, rows))
    return _tell_impossible(scores)


def _windows(args: argparse.Namespace) -> WindowOptions:
    """What the options say of windows, checked."""
    if args.window is None:
        if args.stride is not None:
            raise ArgumentError("--stride belongs to --window; say how many bytes a window has")
        return {}
    if args.encodings == "all":
        raise ArgumentError("--window goes with canonical encodings; leave out --encodings all")
    stride = args.window // 2 if args.stride is None else args.stride
    if stride > args.window:
        raise ArgumentError(f"--stride {stride} leaves out bytes between windows of {args.window}")
    return {"window": args.window, "stride": stride}


def _run_all(args: argparse.Namespace, data: bytes) -> int:
    scores = [_score_all(load_model(source), data, args.beam) for source in args.models]
    if args.json:
        print_json({"n_bytes": len(data), "encodings": "all", "models": scores})
        return _tell_impossible(scores)
    columns = ("all encodings bits/byte", "at least", "tokenization bits/byte")
    keys = ("bits_per_byte", "least_bits_per_byte", "tokenization_bits_per_byte")
    rows = [(str(s["model"]), *(format_number(s[key]) for key in keys)) for s in scores]
    print(format_table((f"{len(data)} bytes", *columns), rows))
    return _tell_impossible(scores)


def _score_all(lm: ByteLM, data: bytes, beam: int | None) -> dict[str, Any]:
    """The sum over all encodings that a beam finds, what it can be at most, and the tokenization.

    Log-probabilities in nats, and bits per byte.
    """
    from tokkit.bytelm.all_encodings import AllEncodingsState

    every = tokkit.ByteLM(lm.token_lm, encodings="all", beam=beam, name=lm.name)
    with progress(f"scoring with {lm.name}"):
        state = every.open(data)
        assert isinstance(state, AllEncodingsState)
        low, high = state.logprob_bounds
        tokenization = _token_logprob(lm, data, {})
    bits = None if tokenization is None else bits_per_byte(tokenization, len(data))
    return {
        "model": lm.name,
        "logprob": low,
        "bits_per_byte": bits_per_byte(low, len(data)),
        "highest_logprob": high,
        "least_bits_per_byte": bits_per_byte(high, len(data)),
        "tokenization_logprob": tokenization,
        "tokenization_bits_per_byte": bits,
        "impossible": _why_impossible(lm, data, high),
    }


def _score(lm: ByteLM, data: bytes, windows: WindowOptions) -> dict[str, Any]:
    """Both log-probabilities in nats, and in bits per byte."""
    with progress(f"scoring with {lm.name}"):
        exact = lm.logprob(data, **windows)
        tokenization = _token_logprob(lm, data, windows)
    bits = None if tokenization is None else bits_per_byte(tokenization, len(data))
    return {
        "model": lm.name,
        "exact_logprob": exact,
        "exact_bits_per_byte": bits_per_byte(exact, len(data)),
        "tokenization_logprob": tokenization,
        "tokenization_bits_per_byte": bits,
        "impossible": _why_impossible(lm, data, exact),
    }


def _why_impossible(lm: ByteLM, data: bytes, logprob: float) -> str | None:
    """Why a text has no probability at all; None where it has some."""
    if logprob > -math.inf:
        return None
    place = lm.vocabulary.first_missing(data)
    if place is None:
        return "no sequence of tokens that the model may write spells the text"
    return f"no token holds the byte 0x{data[place]:02X}, at offset {place}"


def _tell_impossible(scores: list[dict[str, Any]]) -> int:
    """Say on stderr which models cannot write the text, and why. Returns the exit code."""
    told = [each for each in scores if each["impossible"] is not None]
    for each in told:
        print(f"tokkit: error: {each['model']}: {each['impossible']}", file=sys.stderr)
    return EXIT_IMPOSSIBLE if told else 0


def _token_logprob(lm: ByteLM, data: bytes, windows: WindowOptions) -> float | None:
    """None for bytes that the vocabulary cannot express, or that end within a character."""
    try:
        return lm.token_logprob(data, **windows)
    except EncodingError:
        return None
