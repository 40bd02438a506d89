"""`tokkit complete`: one model continues a text, byte by byte."""

from __future__ import annotations

import argparse

from tokkit.cli.inputs import (
    Subparsers,
    add_sampling_options,
    add_text_options,
    load_model,
    read_text,
    sampling_options,
)
from tokkit.cli.output import bytes_fields, print_json, progress, write_stream


def add_parser(commands: Subparsers) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "complete",
        help="continue a text",
        description="Continue a text byte by byte, wherever it is cut. Only the continuation goes "
        "to stdout.",
    )
    parser.add_argument("model", metavar="MODEL")
    add_text_options(parser, "prompt", "the text to continue")
    add_sampling_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    prompt = read_text(args)
    lm = load_model(args.model)
    if not args.json:
        write_stream(lm.stream(prompt, **sampling_options(args)))
        print()
        return 0
    with progress("generating"):
        completion = lm.generate(prompt, **sampling_options(args))
    print_json(
        {
            "model": lm.name,
            **bytes_fields("prompt", prompt),
            **bytes_fields("completion", completion),
            "n_bytes": len(completion),
            "seed": args.seed,
        }
    )
    return 0
