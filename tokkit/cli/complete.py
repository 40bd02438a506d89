"""`tokkit complete`: one model continues a text, or fills in its middle, byte by byte."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import tokkit
from tokkit.cli.inputs import (
    Subparsers,
    add_sampling_options,
    add_text_options,
    beam_options,
    load_model,
    read_file,
    read_text,
    sampling_options,
)
from tokkit.cli.option_types import Checked, InputFile, Real, Source, Whole
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
    parser.add_argument("model", metavar="MODEL", type=Source())
    add_text_options(parser, "prompt", "the text to continue")
    add_sampling_options(parser)
    _add_middle_options(parser)
    search = parser.add_argument_group("search")
    search.add_argument(
        "--beams",
        type=Whole(1),
        metavar="N",
        help="the most probable continuation, by beam search, instead of a sample; all N with "
        "their log-probabilities go to stderr",
    )
    search.add_argument(
        "--length-penalty",
        type=Real(),
        default=0.0,
        metavar="A",
        help="rank beams by logprob / length**A; more favours longer ones (%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=partial(run, parser))


def _add_middle_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("middle and unit")
    suffix = group.add_mutually_exclusive_group()
    suffix.add_argument(
        "--suffix", metavar="TEXT", help="fill in the middle between the prompt and TEXT"
    )
    suffix.add_argument(
        "--suffix-file", type=InputFile(), metavar="FILE", help="the same, from a file"
    )
    group.add_argument(
        "--fim",
        type=Checked(_check_format),
        metavar="NAME",
        help="the model's format; default: found by its special tokens",
    )
    group.add_argument(
        "--heal",
        choices=("none", "prefix", "both"),
        default="prefix",
        help="which borders of the middle may fall inside tokens (%(default)s)",
    )
    group.add_argument(
        "--unit",
        choices=("byte", "token"),
        default="byte",
        help="what is drawn; tokens are faster, and what the sampling options act on (%(default)s)",
    )


def _check_format(name: str) -> None:
    from tokkit.arguments import refuse_unknown
    from tokkit.bytelm.fim_formats import FIM_FORMATS

    refuse_unknown([name], tuple(FIM_FORMATS), what="format")


def _suffix(args: argparse.Namespace) -> bytes | None:
    if args.suffix_file is None:
        return None if args.suffix is None else os.fsencode(args.suffix)
    return read_file(args.suffix_file)


def _continuation(
    lm: ByteLM, prompt: bytes, suffix: bytes | None, args: argparse.Namespace
) -> Iterator[bytes]:
    options = sampling_options(args)
    if suffix is None and args.unit == "byte":
        return lm.stream(prompt, **options)
    if options.pop("pattern") is not None:
        raise ArgumentError("--pattern goes neither with --suffix nor with --unit token")
    if suffix is None:
        return tokkit.stream_completion(lm, prompt, unit=args.unit, **options)
    gap = tokkit.Infilling(lm, prompt, suffix, fim=args.fim, heal=args.heal)
    return gap.stream(unit=args.unit, **options)


def run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """Run the subcommand."""
    prompt, suffix = read_text(args), _suffix(args)
    if args.beams is not None:
        if suffix is not None or args.unit != "byte":
            raise ArgumentError("--beams goes neither with --suffix nor with --unit token")
        options = beam_options(args, parser)
        return _search(load_model(args.model), prompt, options, args)
    if args.length_penalty:
        raise ArgumentError("--length-penalty is about beams; give --beams as well")
    lm = load_model(args.model)
    if not args.json:
        write_stream(_continuation(lm, prompt, suffix, args))
        print()
        return 0
    with progress("generating"):
        completion = b"".join(_continuation(lm, prompt, suffix, args))
    print_json(
        {
            "model": lm.name,
            **bytes_fields("prompt", prompt),
            **({} if suffix is None else bytes_fields("suffix", suffix)),
            **bytes_fields("completion", completion),
            "n_bytes": len(completion),
            "unit": args.unit,
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
