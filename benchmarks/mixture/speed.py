"""What inferring a mixture costs, step by step, in CPU-seconds and memory.

A tokenizer is trained on an equal mix of texts of 30 languages, as much of each, and the mixture
inferred from other texts of that size; then the first 3,000 merges of one of five languages, by the
default estimator and by the published linear program. For the program a bound is printed of how far
its objective may be from that of the direct formulation, which has a row for each pair at each
step: rows that were never generated can only raise it, and if the most violated one lacks w,
raising each merge's violation by w satisfies all of them.

Compiled kernels are loaded before anything is timed. A child process measures each case, so that
its peak of memory is its own.

    python -m benchmarks.fetch.mixture_texts --corpus .cache/mixture-texts --bibles BIBLES
    python -m benchmarks.mixture.speed --corpus .cache/mixture-texts --write-docs
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.mixture.mixes import TOKENIZER_FILE, VOCABULARY, Corpora, train
from benchmarks.shared.machine import peak_bytes, run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import Record, replace_block
from tokkit.mixture.estimation.estimator import estimate
from tokkit.mixture.estimation.evidence import gather_evidence
from tokkit.mixture.estimation.intervals import intervals
from tokkit.mixture.estimation.linear_program import solve_linear_program
from tokkit.mixture.merges.merge_list import MergeList, merge_list
from tokkit.mixture.samples.counting import count_texts
from tokkit.mixture.samples.word_counts import make_table
from tokkit.mixture.samples.words import WordSplitter
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

PAGE = ROOT / "docs" / "concepts" / "mixture-estimators.md"
FEW_MERGES = 3_000
WARM_UP_BYTES = 20_000
TOLERANCE = 1e-9
"""Rows that lack less than this share of the pairs are not looked for."""


class Clock:
    """CPU-seconds between calls."""

    def __init__(self) -> None:
        """Start."""
        self._last = time.process_time()

    def lap(self) -> float:
        """Seconds since the last call."""
        now = time.process_time()
        seconds, self._last = now - self._last, now
        return seconds


def measure(folder: Path, texts: list[bytes], n_merges: int, program: bool) -> Record:
    """CPU-seconds of each step, and the peak of memory in GB."""
    tokenizer = load_tokenizer(folder / TOKENIZER_FILE)
    steps(tokenizer, [text[:WARM_UP_BYTES] for text in texts], 500, program)
    return steps(tokenizer, texts, n_merges, program)


def steps(tokenizer: TextTokenizer, texts: list[bytes], n_merges: int, program: bool) -> Record:
    """What `measure` measures, with or without compiled kernels."""
    merges = merge_list(tokenizer)
    merges = MergeList(merges.pairs[:n_merges], merges.units, merges.spellings)
    splitter = WordSplitter.of(tokenizer)
    found: Record = {"merges": len(merges)}
    clock = Clock()
    words = [count_texts(splitter, [text], 1 << 20).words for text in texts]
    found["pretokenization"] = clock.lap()
    table = make_table(words)
    evidence = gather_evidence(table, merges)
    found["replay"] = clock.lap()
    intervals(evidence, estimate(evidence))
    found["estimate"] = clock.lap()
    found["GB"] = peak_bytes() / 1e9
    if program:
        solution = solve_linear_program(table, merges)
        found["program"] = clock.lap()
        found["rows"] = solution.n_rows
        found["gap"] = max(solution.worst, TOLERANCE) * len(merges) / solution.objective
    return found


def case(corpora: Corpora, n: int, n_bytes: int, n_merges: int, folder: Path) -> Record:
    """Train on `n` languages, and measure in a process of its own."""
    listed = corpora.texts("languages").items()
    names = [name for name, path in listed if path.stat().st_size >= 2 * n_bytes][:n]
    rng = np.random.default_rng(0)
    texts: list[bytes] = []
    training: list[str] = []
    for name in names:
        lines = corpora.read("languages", name).splitlines(keepends=True)
        text = "".join(rng.permutation(lines).tolist()).encode()
        texts.append(text[:n_bytes].decode(errors="ignore").encode())
        training.append(text[n_bytes : 2 * n_bytes].decode(errors="ignore"))
    train(training, folder)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return {
            "categories": len(texts),
            "MB": sum(map(len, texts)) / 1e6,
            **pool.apply(measure, (folder, texts, n_merges, n_merges == FEW_MERGES)),
        }


def table(cases: list[Record]) -> str:
    """One row a case."""
    head = ["categories", "MB", "merges", "pretokenization", "replay", "estimate", "peak, GB"]
    head += ["linear program", "its rows", "its objective, within"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for found in cases:
        cells = [f"{found['categories']}", f"{found['MB']:.1f}", f"{found['merges']:,}"]
        cells += [f"{found[step]:.1f}" for step in ("pretokenization", "replay", "estimate")]
        cells.append(f"{found['GB']:.2f}")
        solved = "program" in found
        cells += [f"{found['program']:.0f}", f"{found['rows']:,}"] if solved else ["", ""]
        cells.append(f"{found['gap']:.3%}" if solved else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure both cases, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, nargs="+", required=True, help="folders of texts")
    parser.add_argument("--bytes", type=int, default=1_000_000, help="of each category (1,000,000)")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of the processes that measure
    header = run_description("tokenizers", "numpy", "scipy")
    corpora = Corpora(options.corpus)
    cases: list[Record] = []
    for n, n_merges in ((30, VOCABULARY), (5, FEW_MERGES)):
        with tempfile.TemporaryDirectory() as folder:
            cases.append(case(corpora, n, options.bytes, n_merges, Path(folder)))
    text = f"```text\n{header}\n```\n\n{table(cases)}"
    print(text)
    if options.write_docs:
        replace_block(PAGE, "mixture-speed", text)


if __name__ == "__main__":
    main()
