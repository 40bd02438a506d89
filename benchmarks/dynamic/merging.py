"""How fast is merging beside recounting in Python, and how much shorter do batches become?

First: a batch of 148,000 SmolLM2 tokens of code in sequences of 512, merged 500 times by tokkit and
by the published algorithm in plain Python: all pairs counted again, and all sequences rewritten,
for each merge. Sequences and merges must be equal. Ours is timed as the best of five, after one
call that loads the compiled kernels.

Then: by how much batches of 32 sequences of 512 tokens become shorter, by kind of text: within
words, across words, and by the LZW of zip2zip, which codes each sequence on its own.

    python -m benchmarks.dynamic.merging [--corpus FOLDER] [--write-docs]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tokkit
from benchmarks.dynamic.lzw import compress, expand
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import replace_block
from benchmarks.shared.sample_texts import CORPUS, sample_texts
from benchmarks.shared.timing import cpu_seconds
from tokkit.dynamic.merge_tables import merge_tables

PAGE = ROOT / "docs" / "dynamic.md"
N_IDS = 148_000
N_MERGES = 500
LENGTH = 512
BATCH = 32
REPEATS = 5
Ids = NDArray[np.int32]


def sequences_of(tokenizer: tokkit.TextTokenizer, text: str, n_ids: int) -> list[Ids]:
    """The first ids of a text, in sequences of `LENGTH`."""
    ids = np.array(tokenizer.encode(text), np.int32)[:n_ids]
    return [ids[start : start + LENGTH] for start in range(0, len(ids), LENGTH)]


def recount(
    tokenizer: tokkit.TextTokenizer, batch: list[Ids], n_merges: int
) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """The published algorithm within words, with ids for strings and validity remembered."""
    spelled = list(tokenizer.spec.token_bytes)
    ids_of = {spelling: token for token, spelling in reversed([*enumerate(spelled)]) if spelling}
    begins: list[bool] = merge_tables(tokenizer).begins_word.tolist()
    rows: list[list[int]] = [row.tolist() for row in batch]
    merges: list[tuple[int, int]] = []
    for _ in range(n_merges):
        counts: Counter[tuple[int, int]] = Counter()
        for row in rows:
            counts.update(pairwise(row))
        valid = (
            pair for pair in counts if not begins[pair[1]] and spelled[pair[0]] and spelled[pair[1]]
        )
        pair = max(valid, key=counts.__getitem__)  # the first of equals, as it was counted first
        spelling = spelled[pair[0]] + spelled[pair[1]]
        if spelling not in ids_of:
            ids_of[spelling] = len(spelled)
            spelled.append(spelling)
            begins.append(begins[pair[0]])
        rows = [_joined(row, pair, ids_of[spelling]) for row in rows]
        merges.append(pair)
    return rows, merges


def _joined(row: list[int], pair: tuple[int, int], result: int) -> list[int]:
    out: list[int] = []
    left, right = pair
    k, last = 0, len(row) - 1
    while k <= last:
        if row[k] == left and k < last and row[k + 1] == right:
            out.append(result)
            k += 2
        else:
            out.append(row[k])
            k += 1
    return out


def speed(tokenizer: tokkit.TextTokenizer, text: str) -> str:
    """A table of both, after a check that they agree."""
    batch = sequences_of(tokenizer, text, N_IDS)
    options: dict[str, Any] = {"tokenizer": tokenizer, "n_merges": N_MERGES}
    merged = tokkit.merge_batch(batch, **options)
    ours = cpu_seconds(lambda: tokkit.merge_batch(batch, **options), runs=REPEATS)
    start = time.process_time()
    rows, merges = recount(tokenizer, batch, N_MERGES)
    peer = time.process_time() - start
    if merges != merged.merges or rows != [ids.tolist() for ids in merged.sequences]:
        raise SystemExit("the results differ")
    return (
        f"| tokens | merges | tokkit, CPU-s | recounting in Python, CPU-s | ratio |\n"
        f"|---|---|---|---|---|\n"
        f"| {merged.n_original:,} | {len(merged.merges)} | {ours:.3f} | {peer:.1f} | "
        f"{peer / ours:.0f} |"
    )


def reductions(tokenizer: tokkit.TextTokenizer, texts: dict[str, str]) -> str:
    """By how many percent batches become shorter; one row a text."""
    columns: dict[str, dict[str, Any]] = {
        "200 merges": {"n_merges": 200},
        "1,000 merges": {"n_merges": 1000},
        "all pairs that stand twice": {},
        "200 merges across words": {"n_merges": 200, "within_words": False},
        "all across words": {"within_words": False},
    }
    lines = [
        "| text | " + " | ".join([*columns, "LZW of each sequence"]) + " |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for name, text in texts.items():
        rows = sequences_of(tokenizer, text, N_IDS)
        batches = [rows[k : k + BATCH] for k in range(0, len(rows) - BATCH + 1, BATCH)]
        cells: list[float] = []
        for options in columns.values():
            merged = [tokkit.merge_batch(b, tokenizer=tokenizer, **options) for b in batches]
            cells.append(1 - sum(m.n_ids for m in merged) / sum(m.n_original for m in merged))
        coded = [compress(row.tolist(), tokenizer.vocab_size) for b in batches for row in b]
        flat = [row.tolist() for b in batches for row in b]
        if [expand(row, tokenizer.vocab_size) for row in coded] != flat:
            raise SystemExit("LZW does not expand to what it was given")
        cells.append(1 - sum(map(len, coded)) / sum(map(len, flat)))
        lines.append(f"| {name} | " + " | ".join(f"{100 * cell:.1f}" for cell in cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of texts")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    header = run_description("numpy", "numba")
    tokenizer = tokkit.load_tokenizer("smollm2")
    texts, origin = sample_texts(options.corpus, 5 * N_IDS)
    text = (
        f"```text\n{header}\ntexts: {origin}\n```\n\n{speed(tokenizer, texts['code'])}\n\n"
        f"Percent of the ids that batches of {BATCH} sequences of {LENGTH} tokens lose:\n\n"
        f"{reductions(tokenizer, texts)}"
    )
    print(text)
    if options.write_docs:
        replace_block(PAGE, "merging", text)


if __name__ == "__main__":
    main()
