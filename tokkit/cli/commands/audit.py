"""`tokkit audit`: examine a tokenizer, write it down, and fail a CI job when that is demanded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

import tokkit
from tokkit.cli.declarations import option
from tokkit.cli.inputs import DownloadFlag, ParallelTextsOption, TokenizerArgument
from tokkit.cli.option_types import (
    AnyText,
    Bound,
    Checked,
    InputFile,
    InputFolder,
    OutputFile,
    Pair,
    Real,
    Source,
    Whole,
)
from tokkit.cli.output import (
    JsonFileOption,
    QuietFlag,
    html_option,
    refuse_two_on_stdout,
    save_text,
)
from tokkit.cli.progress import Meter
from tokkit.cli.signals import read_signals
from tokkit.cli.terminal import layout_of
from tokkit.errors import ArgumentError
from tokkit.files.reading import decode_utf8, read_whole
from tokkit.files.registry import is_saved
from tokkit.report.wording import visible
from tokkit.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tokkit.audit.gates.gate import Demands, GateFailure
    from tokkit.audit.report import AuditReport
    from tokkit.audit.safety.growth import GrowthCurve

EXAMPLES = (
    (
        "tokkit audit path/to/tokenizer.json --html audit.html",
        "a summary here, all of it as a page",
    ),
    ("tokkit audit tokenizer.json --fail-on warning --baseline known.json", "in CI"),
    ("tokkit audit codes-of-nodes/ --signals cora.npz", "a learned tokenizer, on data"),
    ("tokkit audit smollm2 --at-most languages.hin.premium=3", "with a bound on a figure"),
)
EXIT_FINDINGS = 1


def _check_rule(name: str) -> None:
    from tokkit.audit.gates.gate import check_rule

    check_rule(name)


def _check_figure(name: str) -> None:
    from tokkit.audit.gates.known_figures import check_figure

    check_figure(name)


def _check_path(path: str) -> None:
    if not Path(path).exists():
        raise ArgumentError(f"no file or folder {path!r}")


_FIGURE = Pair(Real(), _check_figure)


@dataclass(frozen=True)
class Outputs:
    """Where the report goes; a FILE of - is stdout."""

    PANEL: ClassVar[str] = "Outputs"

    html: Annotated[str | None, html_option("the page: one file that needs nothing else")] = None
    json: JsonFileOption = None
    sarif: Annotated[str | None, option("for code scanning", OutputFile(), "FILE")] = None
    junit: Annotated[str | None, option("for CI systems that show tests", OutputFile(), "FILE")] = (
        None
    )
    timings: Annotated[bool, option("print encoding times of hostile texts on stderr")] = False
    quiet: QuietFlag = False

    def write(self, report: AuditReport, failures: list[GateFailure], source: str) -> None:
        """Write what was asked for, and a summary where stdout is free."""
        from tokkit.audit.outputs.junit import report_junit
        from tokkit.audit.outputs.sarif import report_sarif
        from tokkit.audit.outputs.terminal import report_text

        if self.html is not None:
            save_text(self.html, report.to_html())
        if self.json is not None:
            save_text(self.json, report.to_json())
        if self.sarif is not None:
            save_text(self.sarif, report_sarif(report, uri=_uri(source)))
        if self.junit is not None:
            save_text(self.junit, report_junit(report, failures))
        if "-" not in (self.html, self.json, self.sarif, self.junit) and not self.quiet:
            save_text("-", report_text(report, layout_of(sys.stdout)))


@dataclass(frozen=True)
class LookedAt:
    """What the audit examines beside the tokenizer."""

    PANEL: ClassVar[str] = "What to look at"

    texts: ParallelTextsOption = None
    embeddings: Annotated[
        str | None,
        option(
            "weights of a model (.safetensors, a folder of them, .gguf, or a packaged model's "
            "name) in which to look for tokens that were never trained",
            Source(),
            "FILE",
        ),
    ] = None
    chat_template: Annotated[
        str | None,
        option("a template to examine", InputFile(), "FILE"),
    ] = None
    corpora: Annotated[
        str | None,
        option(
            "samples of categories: infer the training mixture", InputFolder(url=True), "FOLDER"
        ),
    ] = None
    inherits: Annotated[
        list[str] | None,
        option(
            "with --corpora: leave out the merges taken over from this one; repeatable",
            Source(),
            "TOKENIZER",
        ),
    ] = None
    signals: Annotated[
        str | None,
        option(
            "of a learned tokenizer: pictures, an npz of a graph, or WAV files to measure it on",
            Checked(_check_path),
            "DATA",
        ),
    ] = None
    against: Annotated[
        str | None,
        option(
            "with --signals: another tokenizer of them, to compare bits at equal distortion with",
            Source(),
            "TOKENIZER",
        ),
    ] = None
    no_reference: Annotated[
        bool,
        option("do not compare with the implementation that the file belongs to"),
    ] = False

    def __post_init__(self) -> None:
        """Refuse what belongs to another option, by an `ArgumentError`."""
        if self.against is not None and self.signals is None:
            raise ArgumentError("--against belongs to --signals; give DATA to compare them on")
        if self.inherits and self.corpora is None:
            raise ArgumentError("--inherits belongs to --corpora; give a FOLDER of samples")

    def options(self, *, timings: bool) -> tokkit.AuditOptions:
        """The options of the library but for signals; files are read, and nothing is loaded."""
        from tokkit.audit.costs.samples import read_folder
        from tokkit.mixture.inference import check_corpora
        from tokkit.mixture.samples.sources import find_categories

        path = self.chat_template
        corpora = None if self.corpora is None else find_categories(Path(self.corpora))
        if corpora is not None:
            check_corpora(corpora)
        template = None if path is None else decode_utf8(read_whole(path), path)
        return tokkit.AuditOptions(
            reference=not self.no_reference,
            embeddings=None if self.embeddings is None else Path(self.embeddings),
            texts=None if self.texts is None else read_folder(Path(self.texts)),
            corpora=corpora,
            inherits=tuple(self.inherits or ()),
            chat_template=template,
            on_growth=_print_timings if timings else None,
        )

    def with_signals(
        self, options: tokkit.AuditOptions, tokenizer: Tokenizer[Any]
    ) -> tokkit.AuditOptions:
        """The options with the signals, which are read as the tokenizer wants them."""
        assert self.signals is not None
        read = read_signals(Path(self.signals), tokenizer)
        return replace(
            options,
            signals=read.signals,
            contexts=read.contexts,
            labels=read.labels,
            against=None if self.against is None else tokkit.load_tokenizer(self.against),
        )


@dataclass(frozen=True)
class Gates:
    """What fails."""

    PANEL: ClassVar[str] = "Gates"

    fail_on: Annotated[
        Literal["error", "warning", "note", "never"],
        option("exit with 1 when there is a finding of this severity or worse"),
    ] = "error"
    most: Annotated[
        list[Bound] | None,
        option(
            "allow N of a rule, whatever its severity; repeatable",
            Pair(Whole(0), _check_rule),
            "RULE=N",
            name="--max",
        ),
    ] = None
    at_least: Annotated[
        list[Bound] | None,
        option("fail when a figure is below VALUE; repeatable", _FIGURE, "FIGURE=VALUE"),
    ] = None
    at_most: Annotated[
        list[Bound] | None,
        option("fail when a figure is above VALUE; repeatable", _FIGURE, "FIGURE=VALUE"),
    ] = None
    baseline: Annotated[
        str | None,
        option("what is in it does not fail again", InputFile(), "FILE"),
    ] = None
    write_baseline: Annotated[
        str | None,
        option(
            "write what is found now, and exit with 0",
            OutputFile(may_replace="--baseline"),
            "FILE",
        ),
    ] = None

    def demands(self) -> Demands:
        """The demands of the library; the baseline is read."""
        from tokkit.audit.gates.baseline import Baseline
        from tokkit.audit.gates.gate import Demands

        return Demands(
            fail_on=self.fail_on,
            at_most_found={name: int(value) for name, value in self.most or ()},
            at_least=dict(self.at_least or ()),
            at_most=dict(self.at_most or ()),
            baseline=None if self.baseline is None else Baseline.read(Path(self.baseline)),
        )


def audit(
    tokenizer: TokenizerArgument,
    outputs: Outputs,
    looked_at: LookedAt,
    gates: Gates,
    name: Annotated[str | None, option("what the report calls it", AnyText(), "NAME")] = None,
    file_format: Annotated[
        str | None,
        option(
            "of the file, where its content does not tell", AnyText(), "FORMAT", name="--format"
        ),
    ] = None,
    allow_download: DownloadFlag = False,
) -> int:
    """Examine a tokenizer: what is in its vocabulary, what texts cost, what may go wrong.

    Exits with 1 when there are findings of --fail-on, or a bound is crossed.
    """
    from tokkit.audit.gates.baseline import Baseline
    from tokkit.audit.gates.gate import check_gates

    refuse_two_on_stdout(
        html=outputs.html,
        json=outputs.json,
        sarif=outputs.sarif,
        junit=outputs.junit,
        write_baseline=gates.write_baseline,
    )
    demands = gates.demands()  # before the work: a bad argument is told at once
    subject: Any = tokenizer
    options = looked_at.options(timings=outputs.timings)
    if looked_at.signals is not None:
        subject = _learned(tokenizer)
        name = name or Path(tokenizer).resolve().name
        options = looked_at.with_signals(options, subject)
    with Meter() as progress:
        report = tokkit.audit_tokenizer(
            subject,
            name=name,
            format=file_format,
            options=options,
            allow_download=allow_download,
            progress=progress,
        )
    failures = check_gates(report, demands)
    outputs.write(report, failures, tokenizer)
    if gates.write_baseline is not None:
        save_text(gates.write_baseline, Baseline.of(report).to_json())
        return 0
    for failure in failures:
        print(f"tokkit: failed: {visible(failure.message)} ({failure.gate})", file=sys.stderr)
    return EXIT_FINDINGS if failures else 0


def _learned(source: str) -> Tokenizer[Any]:
    """The tokenizer of signals that a name means.

    Raises:
        ArgumentError: it is none.
    """
    loaded: Any = tokkit.load_tokenizer(source) if is_saved(source) else None
    if not isinstance(loaded, Tokenizer) or isinstance(loaded, tokkit.TextTokenizer):
        raise ArgumentError(
            "--signals measures learned tokenizers, of pictures, graphs or speech, and this is "
            "none; leave it out"
        )
    return cast("Tokenizer[Any]", loaded)


def _print_timings(curves: Sequence[GrowthCurve]) -> None:
    from tokkit.audit.outputs.timings import timings_text

    print(timings_text(curves), file=sys.stderr)


def _uri(source: str) -> str | None:
    """The path of the tokenizer from here, where it lies below; a CI job runs at the root."""
    with suppress(ValueError):
        if Path(source).exists():
            return Path(source).resolve().relative_to(Path.cwd()).as_posix()
    return None
