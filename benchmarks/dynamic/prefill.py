"""What does shortening a prompt cost a model, and what does it save?

Windows of library code and of English, 320 SmolLM2 tokens each; all of it public text, which the
model may have seen. The first half is the
prompt: merged within words over all windows of its kind until it is 10 to 40% shorter, and read by
`tokkit.dynamic.prefill` in both ways: *states* of last parts go on alone after a fifth of the
layers, or the input *rows* of merged tokens are the mean of their parts', or (*mapped*) what the
default of `tokkit.transfer` makes of these (`mapped_embedder`). *Head*: merged by states as well,
but the end of the prompt stays as it is; its first part alone becomes two fifths shorter, and is so
long that as much is saved. The second half is scored in the model's own tokens. Beside it,
*truncation*: of the prompt as many tokens, the last ones, unmerged; and no prompt at all.

Bits are of the bytes of the second halves. The interval is of the difference to truncation, 95%, by
windows. CPU-seconds are of reading the prompt, one thread, all windows.

    python -m benchmarks.dynamic.prefill [--corpus FOLDER] [--windows N] [--ways WAY ...]
        [--reductions R ...] [--write-docs]
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
import torch

import tokkit
from benchmarks.dynamic.mapped_embedder import MappedEmbedder
from benchmarks.dynamic.smollm2 import load_smollm2
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from benchmarks.shared.sample_texts import CORPUS, sample_texts
from tokkit.dynamic.embedding import SubtokenEmbedder
from tokkit.dynamic.merged_batch import MergedBatch
from tokkit.dynamic.prefill import prefill
from tokkit.text.tokenizer import TextTokenizer

PAGE = ROOT / "docs" / "dynamic.md"
HALF = 160
REDUCTIONS = (0.1, 0.2, 0.3, 0.4)
WAYS = ("states", "rows", "mapped", "head")
HEAD_REDUCTION = 0.4
"""Of the first part of a prompt, where its end stays as it is."""
KINDS = ("code", "English")
TOLERANCE = 0.01
"""By how much less than wanted a batch may be reduced."""


def windows_of(tokenizer: TextTokenizer, text: str, n: int) -> list[list[int]]:
    """Windows at fixed random places that do not overlap."""
    ids = tokenizer.encode(text)
    places = np.random.default_rng(0).permutation(len(ids) // (2 * HALF))[:n] * 2 * HALF
    return [ids[place : place + 2 * HALF] for place in places.tolist()]


class Reader:
    """SmolLM2, and the bits of second halves after what it was let read."""

    def __init__(self, ways: Sequence[str]) -> None:
        """Load it."""
        self.ways = ways
        self.model, self.tokenizer = load_smollm2()
        self.matrix = self.model.get_input_embeddings().weight.detach().numpy()
        self.embedder = SubtokenEmbedder(self.matrix)
        self.mapped: MappedEmbedder | None = None
        self.bos = list(self.tokenizer.bos_ids) or [self.model.config.bos_token_id]

    def fit(self, batches: Iterable[MergedBatch]) -> None:
        """Make rows for all that was merged, if they are asked for."""
        if "mapped" in self.ways:
            spellings = {
                batch.original_ids(token)
                for batch in batches
                for sequence in batch.sequences
                for token in np.unique(sequence).tolist()
            }
            self.mapped = MappedEmbedder(self.tokenizer, self.matrix, spellings)

    def bits(
        self, answer: list[int], batch: Any, number: int, tail: Sequence[int] = (), **way: Any
    ) -> tuple[float, float]:
        """Bits of an answer after a prompt and an unmerged tail of it, and CPU-seconds of both."""
        start = time.process_time()
        read = prefill(self.model, batch, number, bos_ids=self.bos, **way)
        if tail:
            read.extend(tail)
        seconds = time.process_time() - start
        logits = torch.cat([read.logits[None], read.extend(answer[:-1])])
        logprobs = torch.log_softmax(logits.double(), dim=-1)
        return -float(logprobs[range(len(answer)), answer].sum()) / math.log(2), seconds

    def window(self, batches: dict[float, Any], windows: list[list[int]], number: int) -> Record:
        """Bits and seconds of every way, for one window."""
        prompt, answer = windows[number][:HALF], windows[number][HALF:]
        plain: dict[str, Any] = {"tokenizer": self.tokenizer, "n_merges": 0}
        found: Record = {"bytes": len(self.tokenizer.decode(answer))}
        found["whole"] = self.bits(answer, tokkit.merge_batch([prompt], **plain), 0, depth=0)
        found["none"] = self.bits(answer, tokkit.merge_batch([[]], **plain), 0, depth=0)
        for reduction, batch in batches.items():
            n = len(batch.sequences[number])
            last = tokkit.merge_batch([prompt[-n:]], **plain)
            found[f"truncation {reduction}"] = self.bits(answer, last, 0, depth=0)
            for way in self.ways:
                found[f"{way} {reduction}"] = (
                    self._head(prompt, n, answer)
                    if way == "head"
                    else self.bits(answer, batch, number, **self._options(way))
                )
        return found

    def _options(self, way: str) -> dict[str, Any]:
        embedders = {"rows": self.embedder, "mapped": self.mapped}
        return {"embedder": embedders[way]} if way in embedders else {}

    def _head(self, prompt: list[int], n: int, answer: list[int]) -> tuple[float, float]:
        """The first part merged, as long as it takes to leave about `n` tokens in all."""
        length = min(len(prompt), round((len(prompt) - n) / HEAD_REDUCTION))
        while True:
            batch = tokkit.merge_batch(
                [prompt[:length]],
                tokenizer=self.tokenizer,
                target_reduction=HEAD_REDUCTION,
                min_count=1,
            )
            if len(batch.sequences[0]) + len(prompt) - length <= n or length == len(prompt):
                return self.bits(answer, batch, 0, tail=prompt[length:])
            length += 1


def merged(
    tokenizer: TextTokenizer, windows: list[list[int]], reductions: Sequence[float]
) -> dict[float, MergedBatch]:
    """The prompts of all windows, merged, for each reduction that merges within words reach."""
    prompts = [window[:HALF] for window in windows]
    found: dict[float, MergedBatch] = {}
    for target in reductions:
        batch = tokkit.merge_batch(
            prompts, tokenizer=tokenizer, target_reduction=target, min_count=1
        )
        if batch.reduction > target - TOLERANCE:
            found[target] = batch
    return found


def table(kind: str, records: list[Record], ways: Sequence[str]) -> str:
    """Bits a byte of each way, beside truncation, and seconds; one row a reduction."""
    n_bytes = sum(record["bytes"] for record in records)

    def total(key: str, part: int) -> float:
        return sum(record[key][part] for record in records)

    whole = f"{total('whole', 0) / n_bytes:.3f}"
    title = (
        f"{kind}, {len(records)} windows; bits a byte after the whole prompt {whole}, after none "
        f"{total('none', 0) / n_bytes:.3f}; CPU-s of the whole prompt {total('whole', 1):.1f}:\n"
    )
    less = [f"{way} less truncation" for way in ways]
    columns = ("shorter by", *ways, "truncation", *less, *(f"CPU-s of {way}" for way in ways))
    lines = [title, f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for reduction in REDUCTIONS:
        if f"truncation {reduction}" not in records[0]:
            continue
        keys = [f"{way} {reduction}" for way in (*ways, "truncation")]
        bits = [f"{total(key, 0) / n_bytes:.3f}" for key in keys]
        gaps: list[str] = []
        for key in keys[:-1]:
            each = np.array([r[key][0] - r[keys[-1]][0] for r in records])
            half = 1.96 * each.std(ddof=1) * math.sqrt(len(each)) / n_bytes
            gaps.append(f"{each.sum() / n_bytes:+.3f} ± {half:.3f}")
        seconds = [f"{total(key, 1):.1f}" for key in keys[:-1]]
        lines.append(f"| {reduction:.0%} | {' | '.join([*bits, *gaps, *seconds])} |")
    return "\n".join(lines)


def main() -> None:
    """Print a table a kind of text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of texts")
    parser.add_argument("--windows", type=int, default=24, help="of each kind of text (24)")
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--reductions", nargs="+", type=float, default=REDUCTIONS)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--records", type=Path, default=FOLDER / "dynamic-prefill.jsonl")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    texts, origin = sample_texts(options.corpus, 1_000_000)
    settings = {"windows": options.windows, "half": HALF, "origin": origin}
    settings |= {name: getattr(options, name) for name in ("ways", "reductions")}
    records = Records(options.records, settings, run_description("torch", "transformers", "numpy"))
    reader = Reader(options.ways)
    tables: list[str] = []
    for kind in options.kinds:
        windows = windows_of(reader.tokenizer, texts[kind], options.windows)
        batches = merged(reader.tokenizer, windows, options.reductions)
        reader.fit(batches.values())
        for number in range(len(windows)):
            key = f"{kind} {number}"
            if key not in records:
                records.add(key, reader.window(batches, windows, number))
        found = [record for record in records if record["key"].startswith(kind)]
        tables.append(table(kind, found, options.ways))
    text = f"```text\n{records.header}\ntexts: {origin}\n```\n\n" + "\n\n".join(tables)
    print(text)
    if options.write_docs:
        replace_block(PAGE, "prefill", text)


if __name__ == "__main__":
    main()
