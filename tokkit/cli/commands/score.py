"""`tokkit score`: bits per byte of a text, under one model or several side by side."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tokkit
from tokkit.cli.declarations import option
from tokkit.cli.inputs import DownloadFlag, InputText, ModelArguments, load_model
from tokkit.cli.option_types import Whole
from tokkit.cli.output import JsonFlag, format_number, print_json, print_table
from tokkit.cli.progress import progress
from tokkit.errors import ArgumentError
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.bytelm.scoring import TextScore

EXAMPLES = (
    ("tokkit score smollm2 gemma3 --file story.txt", "which model knows this text better"),
    ("tokkit score smollm2 --file book.txt --window 8192", "a text that is longer than it reads"),
    ("cat story.txt | tokkit score smollm2 --json", "from stdin, for a script"),
)
EXIT_IMPOSSIBLE = 2


COLUMNS = {
    "canonical": {
        "exact bits/byte": "exact_bits_per_byte",
        "tokenization bits/byte": "tokenization_bits_per_byte",
    },
    "all": {
        "all encodings bits/byte": "bits_per_byte",
        "at least": "least_bits_per_byte",
        "tokenization bits/byte": "tokenization_bits_per_byte",
    },
}
"""Header and field of each column of the table, by kind of encodings."""


def score(
    models: ModelArguments,
    text: InputText,
    encodings: Annotated[
        Literal["canonical", "all"],
        option(
            "sum over canonical encodings, masked and renormalised, or over all encodings of the "
            "unmodified model, by beam"
        ),
    ] = "canonical",
    beam: Annotated[
        int | None,
        option("width of the beam of --encodings all (8)", Whole(1), "N"),
    ] = None,
    window: Annotated[
        int | None,
        option(
            "show a model at most so many bytes at once, for texts longer than it reads; they are "
            "scored in windows that overlap",
            Whole(2),
            "BYTES",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        option("bytes that each window but the first scores (half of --window)", Whole(1), "BYTES"),
    ] = None,
    allow_download: DownloadFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Bits per byte of a text, for models with any vocabularies side by side.

    Exact: the probability of the bytes, summed over all canonical encodings of texts that begin so.

    Tokenization: of its own token sequence alone, with no id forbidden; this is what is usually
    reported.
    """
    _check_options(encodings, beam, window, stride)
    data = text.read()
    if not data:
        raise ArgumentError("the text is empty, so it has no bits per byte; give at least one byte")
    scores: list[dict[str, Any]] = []
    about: dict[str, Any] = {} if encodings == "canonical" else {"encodings": encodings}
    for source in models:
        lm = load_model(source, allow_download, encodings=encodings, beam=beam)
        with progress(f"scoring with {lm.name}"):
            report = tokkit.score(lm, data, window=window, stride=stride)
        scores.append(_fields(lm.name, report.documents[0].scores[lm.name]))
        if window is not None:
            about = {"window": report.window, "stride": report.stride}
    if as_json:
        print_json({"n_bytes": len(data), **about, "models": scores})
    else:
        columns = COLUMNS[encodings]
        rows = [
            (str(each["model"]), *(format_number(each[key]) for key in columns.values()))
            for each in scores
        ]
        print_table((f"{len(data)} bytes", *columns), rows)
    return _tell_impossible(scores)


def _check_options(
    encodings: str, beam: int | None, window: int | None, stride: int | None
) -> None:
    if window is None and stride is not None:
        raise ArgumentError("--stride belongs to --window; say how many bytes a window has")
    if window is not None and encodings == "all":
        raise ArgumentError("--window goes with canonical encodings; leave out --encodings all")
    if window is not None and stride is not None and stride > window:
        raise ArgumentError(f"--stride {stride} leaves out bytes between windows of {window}")
    if beam is not None and encodings != "all":
        raise ArgumentError("--beam belongs to --encodings all; canonical encodings need no beam")


def _fields(model: str, score: TextScore) -> dict[str, Any]:
    """Log-probabilities in nats, and bits per byte, by the names that JSON has for them."""
    exact = "exact_" if score.highest_logprob is None else ""
    bounds = {
        "highest_logprob": score.highest_logprob,
        "least_bits_per_byte": score.least_bits_per_byte,
    }
    return {
        "model": model,
        f"{exact}logprob": score.logprob,
        f"{exact}bits_per_byte": score.bits_per_byte,
        **({} if exact else bounds),
        "tokenization_logprob": score.tokenization_logprob,
        "tokenization_bits_per_byte": score.tokenization_bits_per_byte,
        "impossible": score.impossible,
    }


def _tell_impossible(scores: list[dict[str, Any]]) -> int:
    """Say on stderr which models cannot write the text, and why. Returns the exit code."""
    told = [each for each in scores if each["impossible"] is not None]
    for each in told:
        print(
            f"tokkit: error: {visible(str(each['model']))}: {each['impossible']}", file=sys.stderr
        )
    return EXIT_IMPOSSIBLE if told else 0
