"""`tokkit score`: bits per byte of a text, under one model or several side by side."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

import tokkit
from tokkit.cli.declarations import choice, option
from tokkit.cli.inputs import DownloadFlag, InputText, ModelArguments, load_model
from tokkit.cli.option_types import Whole
from tokkit.cli.output import JsonFlag, bits_per_byte, format_number, print_json, print_table
from tokkit.cli.progress import progress
from tokkit.errors import ArgumentError, EncodingError
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.bytelm.byte_lm import ByteLM

EXAMPLES = (
    ("tokkit score smollm2 gemma3 --file story.txt", "which model knows this text better"),
    ("tokkit score smollm2 --file book.txt --window 8192", "a text that is longer than it reads"),
    ("cat story.txt | tokkit score smollm2 --json", "from stdin, for a script"),
)
EXIT_IMPOSSIBLE = 2


class WindowOptions(TypedDict, total=False):
    """Windows of a text, in bytes; empty where it is scored as a whole."""

    window: int
    stride: int


def score(
    models: ModelArguments,
    text: InputText,
    encodings: Annotated[
        Literal["canonical", "all"],
        choice(
            "--encodings",
            ("canonical", "all"),
            "sum over canonical encodings, masked and renormalised, or over all encodings of the "
            "unmodified model, by beam",
        ),
    ] = "canonical",
    beam: Annotated[
        int | None,
        option("--beam", Whole(1), "N", "width of the beam of --encodings all (8)"),
    ] = None,
    window: Annotated[
        int | None,
        option(
            "--window",
            Whole(2),
            "BYTES",
            "show a model at most so many bytes at once, for texts longer than it reads; they are "
            "scored in windows that overlap",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        option(
            "--stride",
            Whole(1),
            "BYTES",
            "bytes that each window but the first scores (half of --window)",
        ),
    ] = None,
    allow_download: DownloadFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Bits per byte of a text, for models with any vocabularies side by side.

    Exact: the probability of the bytes, summed over all canonical encodings of texts that begin so.

    Tokenization: of its own token sequence alone, with no id forbidden; this is what is usually
    reported.
    """
    windows = _windows(window, stride, encodings)
    data = text.read()
    if not data:
        raise ArgumentError("the text is empty, so it has no bits per byte; give at least one byte")
    if encodings == "all":
        return _run_all(
            (load_model(source, allow_download) for source in models), data, beam, as_json
        )
    if beam is not None:
        raise ArgumentError("--beam belongs to --encodings all; canonical encodings need no beam")
    scores = [_score(load_model(source, allow_download), data, windows) for source in models]
    if as_json:
        print_json({"n_bytes": len(data), **windows, "models": scores})
        return _tell_impossible(scores)
    columns = {
        "exact bits/byte": "exact_bits_per_byte",
        "tokenization bits/byte": "tokenization_bits_per_byte",
    }
    _print(data, columns, scores)
    return _tell_impossible(scores)


def _windows(window: int | None, stride: int | None, encodings: str) -> WindowOptions:
    """What the options say of windows, checked."""
    if window is None:
        if stride is not None:
            raise ArgumentError("--stride belongs to --window; say how many bytes a window has")
        return {}
    if encodings == "all":
        raise ArgumentError("--window goes with canonical encodings; leave out --encodings all")
    step = window // 2 if stride is None else stride
    if step > window:
        raise ArgumentError(f"--stride {step} leaves out bytes between windows of {window}")
    return {"window": window, "stride": step}


def _run_all(models: Iterable[ByteLM], data: bytes, beam: int | None, as_json: bool) -> int:
    scores = [_score_all(model, data, beam) for model in models]
    if as_json:
        print_json({"n_bytes": len(data), "encodings": "all", "models": scores})
        return _tell_impossible(scores)
    columns = {
        "all encodings bits/byte": "bits_per_byte",
        "at least": "least_bits_per_byte",
        "tokenization bits/byte": "tokenization_bits_per_byte",
    }
    _print(data, columns, scores)
    return _tell_impossible(scores)


def _print(data: bytes, columns: dict[str, str], scores: list[dict[str, Any]]) -> None:
    """A line a model.

    Args:
        data: the text.
        columns: header -> key of a score.
        scores: of the models.
    """
    rows = [(str(s["model"]), *(format_number(s[key]) for key in columns.values())) for s in scores]
    print_table((f"{len(data)} bytes", *columns), rows)


def _score_all(lm: ByteLM, data: bytes, beam: int | None) -> dict[str, Any]:
    """The sum over all encodings that a beam finds, what it can be at most, and the tokenization.

    Log-probabilities in nats, and bits per byte.
    """
    from tokkit.bytelm.encodings.all_encodings_state import AllEncodingsState

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
        print(
            f"tokkit: error: {visible(str(each['model']))}: {each['impossible']}", file=sys.stderr
        )
    return EXIT_IMPOSSIBLE if told else 0


def _token_logprob(lm: ByteLM, data: bytes, windows: WindowOptions) -> float | None:
    """None for bytes that the vocabulary cannot express, or that end within a character."""
    try:
        return lm.token_logprob(data, **windows)
    except EncodingError:
        return None
