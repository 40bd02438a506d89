"""`tokkit tokenize`: the ids of a text, and the bytes that each stands for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from itertools import islice
from typing import Any

import tokkit
from tokkit.bytelm.packaged import PACKAGED, find_packaged
from tokkit.cli.inputs import Subparsers, add_text_options, read_text
from tokkit.cli.option_types import Source
from tokkit.cli.output import print_json, progress

LINES_AT_ONCE = 1024


def add_parser(commands: Subparsers) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "tokenize",
        aliases=["encode"],
        help="ids and byte pieces of a text",
        description="The ids of a text, one a line, with the bytes that each stands for.",
    )
    parser.add_argument(
        "tokenizer",
        metavar="TOKENIZER",
        type=Source(),
        help="a packaged model, a file, a folder or a hub id",
    )
    add_text_options(parser, "text", "the text to tokenize")
    parser.add_argument(
        "--specials", action="store_true", help="text that looks like a special token is one"
    )
    parser.add_argument(
        "--unk",
        choices=("raise", "use"),
        default="raise",
        help="what becomes of text that the vocabulary lacks: an error, or the unknown token",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    data = read_text(args)
    with progress(f"loading {args.tokenizer}"):
        source = find_packaged(args.tokenizer) if args.tokenizer in PACKAGED else args.tokenizer
        tokenizer = tokkit.load_tokenizer(source)
    lost: dict[int, bytes] = {}
    ids: Iterable[int] = tokenizer.iter_encode(data, specials=args.specials)
    if args.unk == "use":
        encoding = tokenizer.encode_with_offsets(data, specials=args.specials, unk="use")
        ids = encoding.ids.tolist()
        lost = {
            place: data[encoding.starts[place] : encoding.ends[place]]
            for place, token in enumerate(ids)
            if token == tokenizer.spec.unk_id
        }
    if args.json:
        tokens = [_as_json(token, tokenizer.token_bytes(token)) for token in ids]
        for place, part in lost.items():
            tokens[place]["lost"] = part.hex()
        print_json({"n_bytes": len(data), "n_tokens": len(tokens), "tokens": tokens})
        return 0
    n_tokens = 0
    places = enumerate(ids)
    while block := list(islice(places, LINES_AT_ONCE)):
        lines = (
            f"{token}\t"
            + (f"lost {lost[k]!r}" if k in lost else repr(tokenizer.token_bytes(token))[1:])
            for k, token in block
        )
        print("\n".join(lines), flush=True)  # a reader that has gone is noticed here
        n_tokens += len(block)
    print(f"{n_tokens} tokens, {len(data)} bytes", file=sys.stderr)
    if lost:
        n_lost = sum(map(len, lost.values()))
        print(f"{len(lost)} unknown tokens stand for {n_lost} bytes", file=sys.stderr)
    return 0


def _as_json(token: int, piece: bytes) -> dict[str, Any]:
    return {"id": token, "text": piece.decode("utf-8", errors="replace"), "hex": piece.hex()}
