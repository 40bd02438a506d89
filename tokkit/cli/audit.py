"""`tokkit audit`: examine a tokenizer, write it down, and fail a CI job when that is demanded."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tokkit
from tokkit.cli.inputs import Subparsers
from tokkit.cli.option_types import (
    InputFile,
    InputFolder,
    OutputFile,
    Pair,
    Real,
    Source,
    Whole,
)
from tokkit.cli.output import DelayedProgress, refuse_two_on_stdout, save_text
from tokkit.errors import ArgumentError
from tokkit.mixture.sources import find_categories

if TYPE_CHECKING:
    from tokkit.audit.gates.gate import Demands, GateFailure
    from tokkit.audit.report import AuditReport
    from tokkit.audit.safety.growth import GrowthCurve

EXIT_FINDINGS = 1


def add_parser(commands: Subparsers) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "audit",
        help="examine a tokenizer: vocabulary, cost of texts, safety",
        description="Examine a tokenizer: what is in its vocabulary, what texts cost, what may go "
        "wrong. Exits with 1 when there are findings of --fail-on, or a bound is crossed.",
    )
    parser.add_argument(
        "tokenizer",
        metavar="TOKENIZER",
        type=Source(),
        help="a packaged model, a file, a folder or a hub id",
    )
    parser.add_argument("--name", help="what the report calls it")
    parser.add_argument("--format", help="of the file, where its content does not tell")
    _add_outputs(parser)
    _add_inputs(parser)
    _add_gates(parser)
    parser.set_defaults(run=run)


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("outputs (a FILE of - is stdout)")
    for name, about in (
        ("html", "the page: one file that needs nothing else"),
        ("json", "the report as JSON (stdout)"),
        ("sarif", "for code scanning"),
        ("junit", "for CI systems that show tests"),
    ):
        alone: dict[str, Any] = {"nargs": "?", "const": "-"} if name == "json" else {}
        group.add_argument(f"--{name}", type=OutputFile(), metavar="FILE", help=about, **alone)
    group.add_argument(
        "--timings", action="store_true", help="print encoding times of hostile texts on stderr"
    )
    group.add_argument("--quiet", action="store_true", help="no summary on stdout")


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to look at")
    group.add_argument(
        "--texts",
        type=InputFolder(),
        metavar="FOLDER",
        help="parallel text: one .txt a language, line k of each says the same; one must be called "
        "eng, en or English",
    )
    group.add_argument(
        "--embeddings",
        type=Source(),
        metavar="FILE",
        help="weights of a model (.safetensors, a folder of them, .gguf, or a packaged model's "
        "name) in which to look for tokens that were never trained",
    )
    group.add_argument(
        "--chat-template", type=InputFile(), metavar="FILE", help="a template to examine"
    )
    group.add_argument(
        "--corpora",
        type=InputFolder(url=True),
        metavar="FOLDER",
        help="samples of categories: infer the training mixture",
    )
    group.add_argument(
        "--inherits",
        action="append",
        type=Source(),
        default=[],
        metavar="TOKENIZER",
        help="with --corpora: leave out the merges taken over from this one; repeatable",
    )
    group.add_argument(
        "--no-reference",
        action="store_true",
        help="do not compare with the implementation that the file belongs to",
    )


def _add_gates(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("gates")
    group.add_argument(
        "--fail-on",
        choices=("error", "warning", "note", "never"),
        default="error",
        help="exit with 1 when there is a finding of this severity or worse (%(default)s)",
    )
    group.add_argument(
        "--max",
        action="append",
        type=Pair(Whole(0), _check_rule),
        default=[],
        metavar="RULE=N",
        help="allow N of a rule, whatever its severity; repeatable",
    )
    for name, what in (("at-least", "below"), ("at-most", "above")):
        group.add_argument(
            f"--{name}",
            action="append",
            type=Pair(Real(), _check_figure),
            default=[],
            metavar="FIGURE=VALUE",
            help=f"fail when a figure of the report is {what} VALUE; repeatable",
        )
    group.add_argument(
        "--baseline", type=InputFile(), metavar="FILE", help="what is in it does not fail again"
    )
    group.add_argument(
        "--write-baseline",
        type=OutputFile(),
        metavar="FILE",
        help="write what is found now, and exit with 0",
    )


def _check_rule(name: str) -> None:
    from tokkit.audit.gates.gate import check_rule

    check_rule(name)


def _check_figure(name: str) -> None:
    from tokkit.audit.gates.known_figures import check_figure

    check_figure(name)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    from tokkit.audit.gates.baseline import Baseline
    from tokkit.audit.gates.gate import check_gates

    refuse_two_on_stdout(args, ("html", "json", "sarif", "junit", "write_baseline"))
    demands = _demands(args)  # before the work: a bad argument is told at once
    with DelayedProgress() as progress:
        report = tokkit.audit_tokenizer(
            args.tokenizer,
            name=args.name,
            format=args.format,
            options=_options(args),
            progress=progress,
        )
    failures = check_gates(report, demands)
    _write(args, report, failures)
    if args.write_baseline is not None:
        save_text(args.write_baseline, Baseline.of(report).to_json())
        return 0
    for failure in failures:
        print(f"tokkit: failed: {failure.message} ({failure.gate})", file=sys.stderr)
    return EXIT_FINDINGS if failures else 0


def _options(args: argparse.Namespace) -> tokkit.AuditOptions:
    from tokkit.audit.text.samples import read_folder

    return tokkit.AuditOptions(
        reference=not args.no_reference,
        embeddings=None if args.embeddings is None else Path(args.embeddings),
        texts=None if args.texts is None else read_folder(Path(args.texts)),
        corpora=None if args.corpora is None else find_categories(Path(args.corpora)),
        inherits=tuple(args.inherits),
        chat_template=None if args.chat_template is None else _read_template(args.chat_template),
        on_growth=_print_timings if args.timings else None,
    )


def _print_timings(curves: Sequence[GrowthCurve]) -> None:
    from tokkit.audit.outputs.timings import timings_text

    print(timings_text(curves), file=sys.stderr)


def _read_template(path: str) -> str:
    from tokkit.cli.inputs import read_file

    try:
        return read_file(path).decode()
    except UnicodeDecodeError as error:
        raise ArgumentError(f"{path}: the template is not UTF-8 ({error}); give a text") from error


def _demands(args: argparse.Namespace) -> Demands:
    from tokkit.audit.gates.baseline import Baseline
    from tokkit.audit.gates.gate import Demands

    return Demands(
        fail_on=args.fail_on,
        at_most_found=dict(args.max),
        at_least=dict(args.at_least),
        at_most=dict(args.at_most),
        baseline=None if args.baseline is None else Baseline.read(Path(args.baseline)),
    )


def _write(args: argparse.Namespace, report: AuditReport, failures: list[GateFailure]) -> None:
    from tokkit.audit.outputs.junit import report_junit
    from tokkit.audit.outputs.sarif import report_sarif
    from tokkit.audit.outputs.terminal import report_text

    if args.html is not None:
        save_text(args.html, report.to_html())
    if args.json is not None:
        save_text(args.json, report.to_json())
    if args.sarif is not None:
        save_text(args.sarif, report_sarif(report, uri=_uri(args.tokenizer)))
    if args.junit is not None:
        save_text(args.junit, report_junit(report, failures))
    taken = "-" in (args.html, args.json, args.sarif, args.junit)
    if not taken and not args.quiet:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        save_text("-", report_text(report, colour=colour))


def _uri(source: str) -> str | None:
    """The path of the tokenizer from here, where it lies below; a CI job runs at the root."""
    with suppress(ValueError):
        if Path(source).exists():
            return Path(source).resolve().relative_to(Path.cwd()).as_posix()
    return None
