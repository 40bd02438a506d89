"""`tokkit ensemble`: several models with different vocabularies write one text together."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import tokkit
from tokkit.cli.inputs import (
    Subparsers,
    add_sampling_options,
    add_text_options,
    load_model,
    read_text,
    sampling_options,
)
from tokkit.cli.option_types import Each, Real, Source
from tokkit.cli.output import (
    bits_per_byte,
    bytes_fields,
    format_number,
    format_table,
    format_weight,
    print_json,
    progress,
    write_stream,
)
from tokkit.errors import ArgumentError

if TYPE_CHECKING:
    from tokkit.bytelm.ensemble import ByteEnsemble, EnsembleState


def add_parser(commands: Subparsers) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "ensemble",
        help="let several models continue a text together",
        description="Continue a text byte by byte from the joint distribution of several models, "
        "whatever their vocabularies. The continuation goes to stdout; each model's exact bits per "
        "byte on the prompt and its weight before and after go to stderr.",
    )
    parser.add_argument("model", metavar="MODEL", type=Source())
    parser.add_argument("others", metavar="MODEL", nargs="+", type=Source())
    add_text_options(parser, "prompt", "the text to continue")
    parser.add_argument(
        "--weights", type=Each(Real(0)), metavar="W,W,...", help="prior weights; equal by default"
    )
    parser.add_argument(
        "--combine",
        choices=("mixture", "mean", "product"),
        default="mixture",
        help="mixture: weights follow the evidence; mean: average of each step; product: "
        "normalised geometric mean of each step (%(default)s)",
    )
    add_sampling_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    prompt = read_text(args)
    sources = [args.model, *args.others]
    if args.weights is not None and len(args.weights) != len(sources):
        raise ArgumentError(
            f"--weights has {len(args.weights)} numbers for {len(sources)} models; give one each"
        )
    if args.weights is not None and not sum(args.weights):
        raise ArgumentError("--weights are all 0; give at least one that is positive")
    members = [load_model(source) for source in sources]
    ensemble = tokkit.ByteEnsemble(members, weights=args.weights, combine=args.combine)
    with progress("scoring the prompt"):
        state = ensemble.open(prompt)
    report = _report(ensemble, state, len(prompt))
    if args.json:
        with progress("generating"):
            completion = ensemble.generate(prompt, state=state, **sampling_options(args))
    else:
        _print_header(report, args.combine)
        completion = write_stream(ensemble.stream(prompt, state=state, **sampling_options(args)))
        print()
    with progress("weighing the models"):
        state.push(completion)
    for entry, weight in zip(report, state.posterior().tolist(), strict=True):
        entry["posterior_after_completion"] = weight
    if not args.json:
        _print_footer(report)
        return 0
    print_json(
        {
            "combine": args.combine,
            **bytes_fields("prompt", prompt),
            **bytes_fields("completion", completion),
            "n_bytes": len(completion),
            "seed": args.seed,
            "models": report,
        }
    )
    return 0


def _report(ensemble: ByteEnsemble, state: EnsembleState, n_bytes: int) -> list[dict[str, Any]]:
    """Each member's bits per byte on the prompt, and its weight before and after it."""
    return [
        {
            "model": member.name,
            "prompt_bits_per_byte": bits_per_byte(logprob, n_bytes),
            "prior": before,
            "posterior": after,
        }
        for member, logprob, before, after in zip(
            ensemble.members,
            state.member_prefix_logprobs().tolist(),
            ensemble.weights.tolist(),
            state.posterior().tolist(),
            strict=True,
        )
    ]


def _print_header(report: list[dict[str, Any]], combine: str) -> None:
    header = (combine, "bits/byte on the prompt", "weight before", "and after it")
    rows = [
        (
            str(entry["model"]),
            format_number(entry["prompt_bits_per_byte"]),
            format_weight(entry["prior"]),
            format_weight(entry["posterior"]),
        )
        for entry in report
    ]
    print(format_table(header, rows), end="\n\n", file=sys.stderr, flush=True)


def _print_footer(report: list[dict[str, Any]]) -> None:
    shares = ", ".join(
        f"{entry['model']} {format_weight(entry['posterior_after_completion'])}" for entry in report
    )
    print(f"\nweights at the end: {shares}", file=sys.stderr)
