"""What does shortening a prompt cost a model, and what does it save?

Windows of library code and of English, 320 SmolLM2 tokens each; all of it public text, which the
model may have seen. The first half is the
prompt: merged within words over all windows of its kind until it is 10 to 40% shorter, and read by
`tokkit.dynamic.prefill` in both ways: *states* of last parts go on alone after a fifth of the
layers, or the input *rows* of merged tokens are the mean of their parts'. The second half is scored
in the model's own tokens. Beside it, *truncation*: of the prompt as many tokens, the last ones,
unmerged; and no prompt at all.

Bits are of the bytes of the second halves. The interval is of the difference to truncation, 95%, by
windows. CPU-seconds are of reading the prompt, one thread, all windows.

    python -m benchmarks.dynamic.prefill [--corpus FOLDER] [--windows N] [--write-docs]
"""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
import torch

import tokkit
from benchmarks.dynamic.smollm2 import load_smollm2
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from benchmarks.shared.sample_texts import CORPUS, sample_texts
from tokkit.dynamic.embedding import SubtokenEmbedder
from tokkit.dynamic.prefill import prefill
from tokkit.text.tokenizer import TextTokenizer

PAGE = ROOT / "docs" / "dynamic.md"
HALF = 160
REDUCTIONS = (0.1, 0.2, 0.3, 0.4)
WAYS = ("states", "rows", "truncation")
COLUMNS = ("shorter by", *WAYS, "states less truncation", "CPU-s of states", "CPU-s of rows")
TOLERANCE = 0.01
"""By how much less than wanted a batch may be reduced."""


def windows_of(tokenizer: TextTokenizer, text: str, n: int) -> list[list[int]]:
    """Windows at fixed random places that do not overlap."""
    ids = tokenizer.encode(text)
    places = np.random.default_rng(0).permutation(len(ids) // (2 * HALF))[:n] * 2 * HALF
    return [ids[place : place + 2 * HALF] for place in places.tolist()]


class Reader:
    """SmolLM2, and the bits of second halves after what it was let read."""

    def __init__(self) -> None:
        """Load it."""
        self.model, self.tokenizer = load_smollm2()
        rows = self.model.get_input_embeddings().weight.detach().numpy()
        self.embedder = SubtokenEmbedder(rows)
        self.bos = list(self.tokenizer.bos_ids) or [self.model.config.bos_token_id]

    def bits(self, answer: list[int], batch: Any, number: int, **way: Any) -> tuple[float, float]:
        """Bits of an answer, and CPU-seconds of reading the prompt."""
        start = time.process_time()
        read = prefill(self.model, batch, number, bos_ids=self.bos, **way)
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
            found[f"states {reduction}"] = self.bits(answer, batch, number)
            rows = {"embedder": self.embedder}
            found[f"rows {reduction}"] = self.bits(answer, batch, number, **rows)
        return found


def merged(tokenizer: TextTokenizer, windows: list[list[int]]) -> dict[float, Any]:
    """The prompts of all windows, merged, for each reduction that merges within words reach."""
    prompts = [window[:HALF] for window in windows]
    found: dict[float, Any] = {}
    for target in REDUCTIONS:
        batch = tokkit.merge_batch(
            prompts, tokenizer=tokenizer, target_reduction=target, min_count=1
        )
        if batch.reduction > target - TOLERANCE:
            found[target] = batch
    return found


def table(kind: str, records: list[Record]) -> str:
    """Bits a byte and seconds of each way; one row a reduction."""
    n_bytes = sum(record["bytes"] for record in records)

    def total(key: str, part: int) -> float:
        return sum(record[key][part] for record in records)

    whole = f"{total('whole', 0) / n_bytes:.3f}"
    title = (
        f"{kind}, {len(records)} windows; bits a byte after the whole prompt {whole}, after none "
        f"{total('none', 0) / n_bytes:.3f}; CPU-s of the whole prompt {total('whole', 1):.1f}:\n"
    )
    lines = [title, f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for reduction in REDUCTIONS:
        if f"states {reduction}" not in records[0]:
            continue
        keys = [f"{way} {reduction}" for way in WAYS]
        bits = [f"{total(key, 0) / n_bytes:.3f}" for key in keys]
        each = np.array([r[keys[0]][0] - r[keys[2]][0] for r in records])
        half = 1.96 * each.std(ddof=1) * math.sqrt(len(each)) / n_bytes
        gap = f"{each.sum() / n_bytes:+.3f} ± {half:.3f}"
        seconds = [f"{total(key, 1):.1f}" for key in keys[:2]]
        lines.append(f"| {reduction:.0%} | {' | '.join([*bits, gap, *seconds])} |")
    return "\n".join(lines)


def main() -> None:
    """Print a table a kind of text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of texts")
    parser.add_argument("--windows", type=int, default=24, help="of each kind of text (24)")
    parser.add_argument("--records", type=Path, default=FOLDER / "dynamic-prefill.jsonl")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    texts, origin = sample_texts(options.corpus, 1_000_000)
    settings = {"windows": options.windows, "half": HALF, "origin": origin}
    records = Records(options.records, settings, run_description("torch", "transformers", "numpy"))
    reader = Reader()
    tables: list[str] = []
    for kind in ("code", "English"):
        windows = windows_of(reader.tokenizer, texts[kind], options.windows)
        batches = merged(reader.tokenizer, windows)
        for number in range(len(windows)):
            key = f"{kind} {number}"
            if key not in records:
                records.add(key, reader.window(batches, windows, number))
        tables.append(table(kind, [r for r in records if r["key"].startswith(kind)]))
    text = f"```text\n{records.header}\ntexts: {origin}\n```\n\n" + "\n\n".join(tables)
    print(text)
    if options.write_docs:
        replace_block(PAGE, "prefill", text)


if __name__ == "__main__":
    main()
