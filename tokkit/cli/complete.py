"""`tokkit complete`: one model continues a text, byte by byte."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import tokkit
from tokkit.cli.inputs import (
    Subparsers,
    add_sampling_options,
    add_text_options,
    beam_options,
    load_model,
    read_text,
    sampling_options,
)
from tokkit.cli.output import bytes_fields, print_json, progress, write_stream
from tokkit.errors import ArgumentError

if TYPE_CHECKING:
    from tokkit.bytelm.byte_lm import ByteLM


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
    search = parser.add_argument_group("search")
    search.add_argument(
        "--beams",
        type=int,
        metavar="N",
        help="the most probable continuation, by beam search, instead of a sample; all N with "
        "their log-probabilities go to stderr",
    )
    search.add_argument(
        "--length-penalty",
        type=float,
        default=0.0,
        metavar="A",
        help="rank beams by logprob / length**A; more favours longer ones (%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=partial(run, parser))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """Run the subcommand."""
    prompt = read_text(args)
    if args.beams is not None:
        options = beam_options(args, parser)
        return _search(load_model(args.model), prompt, options, args)
    if args.length_penalty:
        raise ArgumentError("--length-penalty is about beams; give --beams as well")
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


def _search(lm: ByteLM, prompt: bytes, options: dict[str, Any], args: argparse.Namespace) -> int:
    with progress("searching"):
        beams = tokkit.beam_search(
            lm, prompt, n_beams=args.beams, length_penalty=args.length_penalty, **options
        )
    if args.json:
        print_json(
            {
                "model": lm.name,
                **bytes_fields("prompt", prompt),
                "beams": [
                    {
                        **bytes_fields("completion", beam.data),
                        "n_bytes": len(beam.data),
                        "logprob": beam.logprob,
                        "ended": beam.ended,
                    }
                    for beam in beams
                ],
            }
        )
        return 0
    write_stream([beams[0].data])
    print(flush=True)
    for beam in beams:
        text = repr(beam.data.decode(errors="replace"))
        cut = "" if beam.ended else " ..."
        print(f"{beam.logprob:10.4f} nats  {text}{cut}", file=sys.stderr)
    return 0
