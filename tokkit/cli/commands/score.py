"""`tokkit score`: bits per byte of texts, under one model or several side by side."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import tokkit
from tokkit.cli.declarations import Alone, argument, option
from tokkit.cli.inputs import DownloadFlag, InputText, read_text
from tokkit.cli.option_types import (
    AnyText,
    ModelOrFile,
    Name,
    OutputFile,
    Real,
    Whole,
    is_text_file,
)
from tokkit.cli.output import (
    JsonFlag,
    format_number,
    html_option,
    print_json,
    print_table,
    refuse_two_on_stdout,
    save_text,
)
from tokkit.cli.progress import Meter
from tokkit.errors import ArgumentError, Interrupted
from tokkit.report.wording import plural, visible

if TYPE_CHECKING:
    from tokkit.bytelm.byte_model import ByteModel
    from tokkit.scoring.intervals import Interval
    from tokkit.scoring.report import ScoreReport

EXAMPLES = (
    ("tokkit score smollm2 gemma3 story.txt notes.jsonl", "which model knows these texts better"),
    ("tokkit score smollm2 book.txt.gz --window 2048 --records book.jsonl",
     "a text that is longer than it reads; interrupted, the same command goes on"),
    ("tokkit score smollm2 gemma3 story.txt --combine mixture --html story.html",
     "a heat map of what surprised each model, and both together"),
    ("cat story.txt | tokkit score smollm2 --json", "from stdin, for a script"),
)  # fmt: skip
EXIT_IMPOSSIBLE = 2
WIDE = 0.05
"""A beam that may have left out more of the probability is told."""
SHOWN_BYTES = 6000
"""Of the heat map."""
_MOST_ROWS = 40

COLUMNS = {
    "canonical": {
        "exact bits/byte": "bits_per_byte",
        "tokenization bits/byte": "tokenization_bits_per_byte",
    },
    "all": {
        "all encodings bits/byte": "bits_per_byte",
        "at least": "least_bits_per_byte",
        "tokenization bits/byte": "tokenization_bits_per_byte",
    },
}
"""Header and figure of each column of the table, by kind of encodings."""


def _combinations() -> Sequence[str]:
    from tokkit.bytelm.ensembles.names import COMBINATIONS

    return COMBINATIONS


@dataclass(frozen=True)
class Windows:
    """How long texts are read, and how a long run is kept."""

    PANEL: ClassVar[str] = "Long texts"

    window: Annotated[
        int | None,
        option(
            "show a model at most so many bytes at once, for texts longer than it reads; they are "
            "scored in windows that overlap",
            Whole(2),
            "BYTES",
        ),
    ] = None
    stride: Annotated[
        int | None,
        option("bytes that each window but the first scores (half of --window)", Whole(1), "BYTES"),
    ] = None
    records: Annotated[
        str | None,
        option(
            "keep what has been scored; the same command goes on from there",
            OutputFile(),
            "FILE",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse a stride that does not fit its window, by an `ArgumentError`."""
        if self.window is None and self.stride is not None:
            raise ArgumentError("--stride belongs to --window; say how many bytes a window has")
        if self.window is not None and self.stride is not None and self.stride > self.window:
            raise ArgumentError(
                f"--stride {self.stride} leaves out bytes between windows of {self.window}"
            )

    def sizes(self) -> tuple[int, int] | None:
        """Window and stride, in bytes."""
        from tokkit.bytelm.windows import check_windows

        return check_windows(self.window, self.stride)


@dataclass(frozen=True)
class Encodings:
    """Which encodings of a text its probability is summed over, and how widely."""

    PANEL: ClassVar[str | None] = None

    encodings: Annotated[
        Literal["canonical", "all"],
        option(
            "sum over canonical encodings, masked and renormalised, or over all encodings of the "
            "unmodified model, by beam"
        ),
    ] = "canonical"
    beam: Annotated[
        int | None,
        option("width of the beam of --encodings all (8)", Whole(1), "N"),
    ] = None
    bound: Annotated[
        float | None,
        option(
            "widen the beam of --encodings all until it leaves out at most this share of the mass "
            "at every byte, or refuse the text",
            Real(above=0, below=1),
            "SHARE",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse a beam that nothing needs, by an `ArgumentError`."""
        for name, value in (("--beam", self.beam), ("--bound", self.bound)):
            if value is not None and self.encodings != "all":
                raise ArgumentError(
                    f"{name} belongs to --encodings all; canonical encodings need no beam"
                )


@dataclass(frozen=True)
class Outputs:
    """Where the scores go."""

    PANEL: ClassVar[str] = "Outputs"

    html: Annotated[str | None, html_option("a page with a heat map of surprise")] = None
    csv: Annotated[
        str | None,
        option(
            "a line a document and model, to a file or stdout",
            OutputFile(),
            "[FILE]",
        ),
        Alone("-"),
    ] = None
    as_json: JsonFlag = False

    def refuse_unfit(self) -> None:
        """Refuse several outputs on stdout.

        Raises:
            ArgumentError: there are.
        """
        refuse_two_on_stdout(html=self.html, csv=self.csv, json="-" if self.as_json else None)

    def write(self, report: ScoreReport, encodings: str) -> None:
        """Write what was asked for, and tables where stdout is free."""
        if self.html is not None:
            save_text(self.html, report.to_html())
        if self.csv is not None:
            save_text(self.csv, report.to_csv())
        if self.as_json:
            _print_json(report, encodings)
        elif "-" not in (self.html, self.csv):
            _print_tables(report, COLUMNS[encodings])


def score(
    models: Annotated[
        list[str],
        argument(
            "MODEL... [FILE]",
            ModelOrFile(),
            "packaged models (smollm2, gemma3), GGUF files, folders or hub ids; then texts: files, "
            "JSON lines, Parquet, compressed or not, or - for stdin",
        ),
    ],
    text: InputText,
    windows: Windows,
    summed: Encodings,
    outputs: Outputs,
    text_field: Annotated[
        str, option("of a JSON record or a Parquet file: what has the text", AnyText(), "NAME")
    ] = "text",
    combine: Annotated[
        str | None,
        option(
            "score all models together, too, combined as tokkit ensemble combines them",
            Name(_combinations),
            "HOW",
        ),
    ] = None,
    allow_download: DownloadFlag = False,
) -> int:
    """Bits per byte of texts, for models with any vocabularies side by side.

    Exact: the probability of the bytes, summed over all canonical encodings of texts that begin so.

    Tokenization: of its own token sequence alone, with no id forbidden; this is what is usually
    reported.
    """  # fmt: skip
    from tokkit.scoring.inputs import open_corpus
    from tokkit.scoring.scoring import Run, score_run

    outputs.refuse_unfit()
    sources = [given for given in models if not is_text_file(given)]
    files = [given for given in models if is_text_file(given)]
    _check(sources, summed, windows, combine)
    corpus = open_corpus(_texts(files, text), text_field=text_field)
    with Meter() as meter, _told_how_to_go_on(windows):
        shown_bytes = SHOWN_BYTES if outputs.html is not None else 0
        about = tuple(asdict(summed).items())
        run = Run(corpus, windows.sizes(), windows.records, shown_bytes, meter, about)
        options = {"allow_download": allow_download, **asdict(summed)}
        report = score_run(_loaders(sources, combine, options, meter), run)
    outputs.write(report, summed.encodings)
    _tell_wide(report)
    return _tell_impossible(report)


@contextmanager
def _told_how_to_go_on(windows: Windows) -> Generator[None]:
    """Say of an interruption where the records are, if any are kept.

    Raises:
        Interrupted: there was one, and they are.
    """
    try:
        yield
    except KeyboardInterrupt:
        if windows.records is None:
            raise
        told = f"what was scored is in {windows.records}; the same command goes on"
        raise Interrupted(told) from None


def _tell_wide(report: ScoreReport) -> None:
    """Say on stderr which figures of a beam may be far from the exact ones."""
    for model, score in report.totals.items():
        if score.highest_logprob is None or score.impossible is not None:
            continue
        left_out = -math.expm1(min(0.0, score.logprob - score.highest_logprob))
        if left_out > WIDE:
            print(
                f"tokkit: warning: {visible(model)}: what the beam left out may be {left_out:.0%} "
                "of the probability; a wider --beam, or a --bound to reach, makes it less",
                file=sys.stderr,
            )


def _check(
    sources: Sequence[str], summed: Encodings, windows: Windows, combine: str | None
) -> None:
    """Refuse what does not go together, before anything is read or loaded."""
    if not sources:
        raise ArgumentError("there is no model; name one before the files, as smollm2")
    twice = [source for source in sources if sources.count(source) > 1]
    if twice:
        raise ArgumentError(f"the model {twice[0]!r} is named twice; name each once")
    if windows.window is not None and summed.encodings == "all":
        raise ArgumentError("--window goes with canonical encodings; leave out --encodings all")
    if combine is not None and len(sources) < 2:
        raise ArgumentError("--combine needs at least two models; name another")


def _texts(files: Sequence[str], text: InputText) -> list[Any]:
    """The texts: those of files, or of an option, or of stdin."""
    if not files:
        return [Path(text.file)] if text.file not in (None, "-") else [text.read()]
    if text.text is not None or text.file is not None:
        raise ArgumentError("--text and --file exclude files after the models; leave one out")
    return [read_text(None, "-") if file == "-" else Path(file) for file in files]


def _loaders(
    sources: Sequence[str], combine: str | None, options: Mapping[str, Any], meter: Meter
) -> dict[str, Callable[[], ByteModel]]:
    """What loads each model; with an ensemble all of them stay loaded."""
    members: dict[str, ByteModel] = {}

    def load(source: str) -> ByteModel:
        if source in members:
            return members[source]
        meter(f"loading {source}")
        lm = tokkit.load_lm(source, **options)
        if combine is not None:
            members[source] = lm
        return lm

    def together(how: Any) -> ByteModel:
        return tokkit.ByteEnsemble([load(source) for source in sources], combine=how)

    loaders: dict[str, Callable[[], ByteModel]] = {s: partial(load, s) for s in sources}
    if combine is not None:
        loaders[f"{combine} of all"] = partial(together, combine)
    return loaders


def _print_json(report: ScoreReport, encodings: str) -> None:
    about = {} if encodings == "canonical" else {"encodings": encodings}
    print_json(about | report.to_dict())


def _print_tables(report: ScoreReport, columns: Mapping[str, str]) -> None:
    n_documents = len(report.documents)
    intervals = report.intervals
    has_intervals = any(intervals.values())
    first, *rest = columns
    head = (plural(report.n_bytes, "byte"), first, *(["95% interval"] * has_intervals), *rest)
    rows = [
        (
            model,
            format_number(getattr(score, columns[first])),
            *([_ends(intervals[model])] * has_intervals),
            *(format_number(getattr(score, columns[name])) for name in rest),
        )
        for model, score in report.totals.items()
    ]
    print_table(head, rows)
    if n_documents > 1:
        print()
        _print_documents(report)
    best, *others = report.ranking
    apart = [(name, found) for name in others if (found := report.difference(name, best))]
    if apart:
        print()
        print_table(
            (f"more than {best}", "bits/byte", "95% interval"),
            [(name, f"{found.value:+.4f}", _ends(found)) for name, found in apart],
        )


def _print_documents(report: ScoreReport) -> None:
    rows = [
        (d.name, f"{d.n_bytes:,}", *(format_number(s.bits_per_byte) for s in d.scores.values()))
        for d in report.documents[:_MOST_ROWS]
    ]
    print_table(("document", "bytes", *report.models), rows)
    left = len(report.documents) - len(rows)
    if left:
        print(f"and {plural(left, 'more document')}: --csv or --json tells all of them")


def _ends(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.low:.4f} to {interval.high:.4f}"


def _tell_impossible(report: ScoreReport) -> int:
    """Say on stderr which models cannot write the texts, and why. Returns the exit code."""
    told = {name: s.impossible for name, s in report.totals.items() if s.impossible is not None}
    for name, reason in told.items():
        print(f"tokkit: error: {visible(name)}: {visible(reason)}", file=sys.stderr)
    return EXIT_IMPOSSIBLE if told else 0
