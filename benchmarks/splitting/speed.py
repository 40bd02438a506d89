"""How many megabytes a CPU-second does the splitter of words take, beside the published one?

One thread, the best of five. Ours gives the ends of words as an array, the peer a list of strings.
Also: words of one letter over and over, as long as the text, and a push for each byte.

    python -m benchmarks.splitting.speed [--peer FOLDER] [--corpus FOLDER] [--write-docs]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import replace_block
from benchmarks.shared.sample_texts import CORPUS, sample_texts
from benchmarks.shared.timing import cpu_seconds
from benchmarks.splitting.peer import Split, add_option, published_split
from tokkit.text.words import WordSplitter, split_words

PAGE = ROOT / "docs" / "words.md"
N_BYTES = 4_000_000
REPEATS = 5


def megabytes_a_second(split: Callable[[], object], n_bytes: int) -> float:
    """Of CPU time, at best."""
    return n_bytes / cpu_seconds(split, runs=REPEATS) / 1e6


def pushed(data: bytes) -> None:
    """Byte by byte."""
    splitter = WordSplitter()
    for byte in data:
        splitter.push(byte)


def speeds(text: str, peer: Split | None) -> list[str]:
    """The cells of a row."""
    data = text.encode()
    few = data[: len(data) // 20]
    return [
        f"{megabytes_a_second(lambda: split_words(data), len(data)):.0f}",
        f"{megabytes_a_second(lambda: split_words(data, rule='whitespace'), len(data)):.0f}",
        f"{megabytes_a_second(lambda: pushed(few), len(few)):.2f}",
        "" if peer is None else f"{megabytes_a_second(lambda: peer(text), len(data)):.0f}",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of texts")
    parser.add_argument("--write-docs", action="store_true")
    add_option(parser)
    options = parser.parse_args()
    peer = published_split(options.peer)
    header = run_description("numba", "hat-splitter")
    texts, origin = sample_texts(options.corpus, N_BYTES)
    texts["one word"] = "a" * N_BYTES
    columns = ["uax29", "whitespace", "uax29, a push a byte", "hat-splitter"]
    lines = [f"| text | {' | '.join(columns)} |", "|---" * 5 + "|"]
    lines += [f"| {name} | {' | '.join(speeds(text, peer))} |" for name, text in texts.items()]
    text = f"```text\n{header}\ntexts: {origin}\n```\n\nMegabytes a CPU-second:\n\n"
    text += "\n".join(lines)
    print(text)
    if options.write_docs:
        replace_block(PAGE, "speed", text)


if __name__ == "__main__":
    main()
