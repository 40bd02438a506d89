"""What does a vocabulary of a million tokens give a model that writes with it?

SmolLM2 goes on with held-out prompts, each time with the likeliest id: of its own vocabulary, and
of one with n-grams of its tokens, up to a million rows (those of `vocabulary_index`). The row of an
n-gram is .8 of that of its first token and .2 of the mean of all; the logarithm of its share among
all that begins with that token, counted in a corpus that is cut greedily, is its bias (as in the
transfer's `shared-first`). An n-gram is read in one pass. How good the text is, the model itself
tells: bits per byte of what was written, by its own vocabulary.

    python -m benchmarks.dynamic.generation [--corpus FOLDER] [--rows N] [--write-docs]
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
from numpy.typing import NDArray

import tokkit
from benchmarks.dynamic.n_grams import HELD_OUT, N_ROWS, NGrams
from benchmarks.dynamic.smollm2 import load_smollm2, output_rows
from benchmarks.dynamic.vocabulary_index import PAGE
from benchmarks.shared.machine import run_description
from benchmarks.shared.records import replace_block
from benchmarks.shared.sample_texts import CORPUS
from tokkit.dynamic.prefill import prefill
from tokkit.dynamic.vocabulary_index import VocabularyIndex
from tokkit.hypernets.windows import read

FIRST_SHARE = 0.8
SMOOTHING = 0.1
PROMPT_TOKENS = 64
N_PROMPTS = 4
N_WRITTEN = 64
BOS = 1
COLUMNS = (
    *("text", "vocabulary", "tokens a pass", "bytes a pass", "CPU-ms a pass", "CPU-ms a byte"),
    "bits per byte",
)


def counts_of(ids: list[int], parts: list[list[int]], n_base: int) -> NDArray[np.float64]:
    """float64 (base + parts,): how often each id comes where the longest n-gram is taken."""
    places = {tuple(part): n_base + number for number, part in enumerate(parts)}
    found: Counter[int] = Counter()
    place = 0
    while place < len(ids):
        for length in (4, 3, 2):
            token = places.get(tuple(ids[place : place + length]))
            if token is not None:
                found[token] += 1
                place += length
                break
        else:
            found[ids[place]] += 1
            place += 1
    counts = np.zeros(n_base + len(parts))
    counts[list(found)] = list(found.values())
    return counts


def shared_index(
    rows: NDArray[np.float32], parts: list[list[int]], counts: NDArray[np.float64]
) -> VocabularyIndex:
    """The vocabulary, each row with the logarithm of its share as a bias."""
    first = np.concatenate([np.arange(len(rows)), [part[0] for part in parts]])
    smoothed = counts + np.where(np.arange(len(counts)) < len(rows), 1.0, SMOOTHING)
    shares = smoothed / np.bincount(first, smoothed)[first]
    weights = [
        [FIRST_SHARE + (1 - FIRST_SHARE) / len(part)]
        + [(1 - FIRST_SHARE) / len(part)] * (len(part) - 1)
        for part in parts
    ]
    return VocabularyIndex(rows, parts, weights=weights, bias=np.log(shares))


def written(
    model: Any, prompts: list[list[int]], index: VocabularyIndex | None, parts: list[list[int]]
) -> tuple[list[list[int]], int, float]:
    """What is written on each prompt, in the model's own tokens; the passes; their CPU-seconds."""
    texts: list[list[int]] = []
    n_passes, seconds = 0, 0.0
    for prompt in prompts:
        merged = tokkit.merge_batch([prompt], tokenizer="smollm2", n_merges=0)
        ready = prefill(model, merged, 0, bos_ids=[BOS])
        start = time.process_time()
        ids = ready.generate(N_WRITTEN, index=index, spellings=parts if index else ())
        seconds += time.process_time() - start
        n_passes += len(ids)
        n_base = index.n_base if index else len(model.get_output_embeddings().weight)
        texts.append([own for i in ids for own in ([i] if i < n_base else parts[i - n_base])])
    return texts, n_passes, seconds


def bits_per_byte(
    model: Any, tokenizer: tokkit.Tokenizer, prompts: list[list[int]], texts: list[list[int]]
) -> float:
    """Of what was written, by the model with its own vocabulary."""
    whole = read(model, [[*p, *t] for p, t in zip(prompts, texts, strict=True)], starts=[BOS])
    before = read(model, prompts, starts=[BOS])
    n_bytes = sum(len(tokenizer.decode(text)) for text in texts)
    return (whole.bits() - before.bits()) / n_bytes


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of texts")
    parser.add_argument("--rows", type=int, default=N_ROWS, help="of the vocabulary (1,000,000)")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    header = run_description("numpy", "numba", "torch", "transformers")
    model, tokenizer = load_smollm2()
    rows = output_rows(model)
    grams = NGrams.of(options.corpus, tokenizer, options.rows)
    texts, origin, parts = grams.texts, grams.origin, grams.parts
    index = shared_index(rows, parts, counts_of(grams.ids, parts, len(rows)))
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for name in ("English", "code"):
        held_out = tokenizer.encode(texts[name][-HELD_OUT:])
        starts = np.linspace(0, len(held_out) - PROMPT_TOKENS, N_PROMPTS).astype(int)
        prompts = [held_out[start : start + PROMPT_TOKENS] for start in starts]
        for label, used in (("its own", None), (f"{len(index):,}", index)):
            found, n_passes, seconds = written(model, prompts, used, parts)
            n_bytes = sum(len(tokenizer.decode(text)) for text in found)
            cells = (
                f"{sum(map(len, found)) / n_passes:.2f}",
                f"{n_bytes / n_passes:.2f}",
                f"{1e3 * seconds / n_passes:.0f}",
                f"{1e3 * seconds / n_bytes:.1f}",
                f"{bits_per_byte(model, tokenizer, prompts, found):.3f}",
            )
            lines.append(f"| {name} | {label} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    text = f"```text\n{header}\ntexts: {origin}\n```\n\n" + "\n".join(lines)
    print(text)
    if options.write_docs:
        replace_block(PAGE, "large-vocabulary-generation", text)


if __name__ == "__main__":
    main()
