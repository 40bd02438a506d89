"""How fast is encoding, beside tiktoken and tokenizers, and does it stay linear?

First: MB per CPU-second on English, code and multilingual text, one thread, one vocabulary
(cl100k) in all three libraries, `str` in, list of ids out. Each text is cut into blocks; the first
ones warm every library, and each of the others is read exactly once by each library, in turns, so
that no block profits from a cache that has seen it. The ids must be equal, or nothing is printed.

Then: CPU-seconds for 10 MB of one character, of spaces, of random letters and of `ab`, and how many
times the 5 MB of the first half take.

    python -m benchmarks.fetch.real_tokenizers --only tiktoken
    python -m benchmarks.encode.speed [--ranks FILE] [--corpus FOLDER] [--megabytes N]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.shared.places import CACHE

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # before the library starts its threads

import tokkit
from benchmarks.shared.machine import describe_run
from benchmarks.shared.sample_texts import CORPUS, sample_texts
from tokkit.text.formats import byte_alphabet
from tokkit.text.formats.patterns import CL100K
from tokkit.text.tokenizer import TextTokenizer

RANKS = CACHE / "tokenizers" / "tiktoken" / "cl100k_base.tiktoken"
BLOCK_CHARS = 100_000
WARM_SHARE = 0.25
OURS = "tokkit"

Encode = Callable[[str], list[int]]


@dataclass(frozen=True)
class Row:
    """One text: its bytes, and MB per CPU-second of each library."""

    text: str
    n_bytes: int
    speeds: dict[str, float]


def tiktoken_encoder(path: Path) -> Encode:
    """cl100k by tiktoken, with its own pattern."""
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe
    from tiktoken_ext import openai_public

    def read_file(*_: object, **__: object) -> dict[bytes, int]:
        return load_tiktoken_bpe(str(path))

    encodings: Any = openai_public
    encodings.load_tiktoken_bpe = read_file  # instead of a download
    arguments: dict[str, Any] = encodings.cl100k_base()
    return tiktoken.Encoding(**arguments).encode_ordinary


def tokenizers_encoder(tokenizer: TextTokenizer) -> Encode:
    """The same vocabulary and merges in Hugging Face's library.

    Merges of one rank follow one another there, which is only a difference if one of them should
    win over another; the equality of ids is checked on every block.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    merges = tokenizer.merges
    if merges is None:
        raise SystemExit("the rank file gave no merges; expected a BPE vocabulary")
    spelling = [byte_alphabet.text_of(data) for data in tokenizer.spec.token_bytes]
    order: list[int] = merges.rank.argsort(kind="stable").tolist()
    left: list[int] = merges.left.tolist()
    right: list[int] = merges.right.tolist()
    library: Any = Tokenizer(
        models.BPE(
            {text: index for index, text in enumerate(spelling) if text},
            [(spelling[left[k]], spelling[right[k]]) for k in order],
        )
    )
    library.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CL100K), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )

    def encode(text: str) -> list[int]:
        return library.encode_batch_fast([text], add_special_tokens=False)[0].ids

    return encode


def blocks_of(text: str) -> tuple[list[str], list[str]]:
    """Blocks of whole lines: those to warm with, and those to measure."""
    blocks: list[str] = []
    lines: list[str] = []
    size = 0
    for line in text.splitlines(keepends=True):
        lines.append(line)
        size += len(line)
        if size >= BLOCK_CHARS:
            blocks.append("".join(lines))
            lines, size = [], 0
    n_warm = max(1, int(len(blocks) * WARM_SHARE))
    return blocks[:n_warm], blocks[n_warm:]


def measure(name: str, text: str, encoders: dict[str, Encode]) -> Row:
    """Encode the blocks of a text with every library, each block once.

    Raises:
        SystemExit: the ids differ.
    """
    warm, blocks = blocks_of(text)
    for block in warm:
        for encode in encoders.values():
            encode(block)
    seconds = dict.fromkeys(encoders, 0.0)
    for turn, block in enumerate(blocks):
        found: dict[str, list[int]] = {}
        for library in _rotated(list(encoders), turn):
            start = time.process_time()
            found[library] = encoders[library](block)
            seconds[library] += time.process_time() - start
        for library, ids in found.items():
            if ids != found[OURS]:
                raise SystemExit(f"{name}, block {turn}: the ids of {library} differ from tokkit's")
    n_bytes = sum(len(block.encode()) for block in blocks)
    return Row(name, n_bytes, {key: n_bytes / 1e6 / spent for key, spent in seconds.items()})


def _rotated(names: Sequence[str], turn: int) -> Iterator[str]:
    """The names in an order that changes from turn to turn."""
    return (names[(turn + k) % len(names)] for k in range(len(names)))


def print_speeds(rows: Sequence[Row]) -> None:
    """The first table."""
    peers = [name for name in rows[0].speeds if name != OURS]
    titles = ["text", "MB", OURS, *peers, *(f"x {peer}" for peer in peers)]
    print("\nMB per CPU-second, cl100k, one thread (ids equal on every block)\n")
    print("| " + " | ".join(titles) + " |")
    print("|" + "---|" * len(titles))
    for row in rows:
        speeds = [row.speeds[name] for name in (OURS, *peers)]
        ratios = [row.speeds[OURS] / row.speeds[peer] for peer in peers]
        cells = [row.text, f"{row.n_bytes / 1e6:.2f}"]
        cells += [f"{speed:.1f}" for speed in speeds] + [f"{ratio:.2f}" for ratio in ratios]
        print("| " + " | ".join(cells) + " |")


def print_scaling(tokenizer: TextTokenizer, megabytes: int, runs: int = 2) -> None:
    """The second table: the best of `runs` for each length."""
    letters = random.Random(0).choices("abcdefghijklmnopqrstuvwxyz", k=megabytes * 1_000_000)
    texts = {"a": "a", "spaces": " ", "ab": "ab", "random letters": "".join(letters)}
    print(f"\nCPU-seconds of tokkit for {megabytes} MB without a place to cut\n")
    print(f"| text | {megabytes // 2} MB | {megabytes} MB | doubling costs |\n|---|---|---|---|")
    for name, unit in texts.items():
        half, whole = (
            min(_seconds(tokenizer, unit, size) for _ in range(runs))
            for size in (megabytes * 500_000, megabytes * 1_000_000)
        )
        print(f"| {name} | {half:.2f} | {whole:.2f} | {whole / half:.2f} |")


def _seconds(tokenizer: TextTokenizer, unit: str, size: int) -> float:
    data = (unit * (size // len(unit) + 1))[:size].encode()
    start = time.process_time()
    tokenizer.encode(data)
    return time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 0, or 2 when the rank file is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ranks", type=Path, default=RANKS, help="cl100k_base.tiktoken")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of sample texts")
    parser.add_argument("--megabytes", type=float, default=3.0, help="of each text, at most")
    parser.add_argument("--scaling", type=int, default=10, metavar="MB", help="0: leave it out")
    options = parser.parse_args(arguments)
    if not options.ranks.is_file():
        print(
            f"no {options.ranks}; run: python -m benchmarks.fetch.real_tokenizers --only tiktoken",
            file=sys.stderr,
        )
        return 2
    tokenizer = tokkit.load_tokenizer(options.ranks)
    describe_run("tiktoken", "tokenizers", "numba", "numpy")
    encoders: dict[str, Encode] = {
        OURS: tokenizer.encode,
        "tiktoken": tiktoken_encoder(options.ranks),
        "tokenizers": tokenizers_encoder(tokenizer),
    }
    texts, origin = sample_texts(options.corpus, int(options.megabytes * 1e6))
    print(f"texts: {origin}")
    print_speeds([measure(name, text, encoders) for name, text in texts.items()])
    if options.scaling:
        print_scaling(tokenizer, options.scaling)
    return 0


if __name__ == "__main__":
    sys.exit(main())
