"""`tokkit tokenize`: the ids of a text, and the bytes that each stands for."""

from __future__ import annotations

import argparse
import sys

import tokkit
from tokkit.bytelm.packaged import PACKAGED, find_packaged
from tokkit.cli.inputs import Subparsers, add_text_options, read_text
from tokkit.cli.output import print_json, progress


def add_parser(commands: Subparsers) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "tokenize",
        aliases=["encode"],
        help="ids and byte pieces of a text",
        description="The ids of a text, one a line, with the bytes that each stands for.",
    )
    parser.add_argument(
        "tokenizer", metavar="TOKENIZER", help="a packaged model, a file, a folder or a hub id"
    )
    add_text_options(parser, "text", "the text to tokenize")
    parser.add_argument(
        "--specials", action="store_true", help="text that looks like a special token is one"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    data = read_text(args)
    with progress(f"loading {args.tokenizer}"):
        source = find_packaged(args.tokenizer) if args.tokenizer in PACKAGED else args.tokenizer
        tokenizer = tokkit.load_tokenizer(source)
    ids = tokenizer.encode(data, specials=args.specials)
    pieces = [tokenizer.token_bytes(token) for token in ids]
    if args.json:
        tokens = [
            {"id": token, "text": piece.decode("utf-8", errors="replace"), "hex": piece.hex()}
            for token, piece in zip(ids, pieces, strict=True)
        ]
        print_json({"n_bytes": len(data), "n_tokens": len(ids), "tokens": tokens})
        return 0
    for token, piece in zip(ids, pieces, strict=True):
        print(token, repr(piece)[1:], sep="\t")
    print(f"{len(ids)} tokens, {len(data)} bytes", file=sys.stderr)
    return 0
