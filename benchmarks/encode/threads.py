"""How much faster do several threads encode a batch, and what keeps them from being faster still?

Megabytes a second of the clock of `encode_batch_arrays` and `encode_batch` by one thread and by as
many as there are cores, in turns, over the same texts; and, of one thread's CPU time, the share
that is spent outside the compiled kernels, which run without the interpreter's lock: while a thread
holds it, no other one can. The clock counts what else the machine does, so run it on an idle one;
the share does not.

    python -m benchmarks.encode.threads [--tokenizer NAME] [--megabytes N] [--rounds N]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

import tokkit
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import CACHE
from benchmarks.shared.records import show_origin
from benchmarks.shared.sample_texts import CORPUS, sample_texts
from tokkit.kernels.bpe import backtracking
from tokkit.kernels.texts import scan
from tokkit.text import added_tokens, normal_forms
from tokkit.text.encoding.batches import n_threads
from tokkit.text.segment_models import bpe

TEXT_CHARS = 20_000
BATCH_BYTES = 12_000_000
"""The texts are repeated up to that, so that starting threads is not what is measured."""


class Kernels:
    """Counts the CPU time of the calling thread in the kernels that encoding calls."""

    places = (
        (backtracking, "encode"),
        (bpe, "fill_ends"),
        (scan, "cut"),
        (normal_forms, "parts_in_doubt"),
        (added_tokens, "matches"),
    )

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._kept = [getattr(module, name) for module, name in self.places]
        for (module, name), kernel in zip(self.places, self._kept, strict=True):
            setattr(module, name, self._counting(kernel))
        return self

    def __exit__(self, *_: object) -> None:
        for (module, name), kernel in zip(self.places, self._kept, strict=True):
            setattr(module, name, kernel)

    def _counting(self, kernel: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            start = time.thread_time()
            found = kernel(*arguments)
            self.seconds += time.thread_time() - start
            return found

        return call


def timed_rounds(
    encode: Callable[..., Any], batch: list[str], several: int, n_rounds: int
) -> NDArray[np.float64]:
    """Seconds of the clock by one thread and by several, float64 (n_rounds, 2), in turns.

    Raises:
        ValueError: several threads give other ids.
    """
    rounds = np.zeros((n_rounds, 2))
    for seconds in rounds:
        found: list[Any] = []
        for column, threads in enumerate((1, several)):
            start = time.perf_counter()
            found.append(encode(batch, threads=threads))
            seconds[column] = time.perf_counter() - start
        if not all(map(np.array_equal, *found)):
            raise ValueError("other ids")
    return rounds


def share_outside_kernels(encode: Callable[..., Any], batch: list[str]) -> float:
    """The share of the CPU time of one thread that it does not spend in kernels."""
    start = time.thread_time()
    with Kernels() as kernels:
        encode(batch, threads=1)
    return 1 - kernels.seconds / (time.thread_time() - start)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 0, or 2 when the vocabulary is not there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokenizer", default="llama3")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of sample texts")
    parser.add_argument("--megabytes", type=float, default=3.0, help="of each text, at most")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--write-docs", action="store_true", help="put the table into the docs")
    options = parser.parse_args(arguments)
    path = CACHE / "tokenizers" / options.tokenizer / "tokenizer.json"
    if not path.is_file():
        print("no vocabulary; run: python -m benchmarks.fetch.real_tokenizers", file=sys.stderr)
        return 2
    tokenizer = tokkit.load_tokenizer(path)
    texts, origin = sample_texts(options.corpus, int(options.megabytes * 1e6))
    several = n_threads(None)
    lines = [
        f"| text | form | 1 thread | {several} threads | times | outside kernels |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for title, text in texts.items():
        batch = [text[k : k + TEXT_CHARS] for k in range(0, len(text), TEXT_CHARS)]
        batch *= max(1, round(BATCH_BYTES / len(text.encode())))
        megabytes = sum(len(part.encode()) for part in batch) / 1e6
        for form, encode in (
            ("arrays", tokenizer.encode_batch_arrays),
            ("lists", tokenizer.encode_batch),
        ):
            rounds = timed_rounds(encode, batch, several, options.rounds)
            alone, together = np.median(rounds, axis=0)
            times = np.median(rounds[:, 0] / rounds[:, 1])
            lines.append(
                f"| {title} | {form} | {megabytes / alone:.0f} | {megabytes / together:.0f} | "
                f"{times:.2f} | {share_outside_kernels(encode, batch):.0%} |"
            )
            print(lines[-1], flush=True)
    described = f"{run_description('numba', 'numpy')}\ntexts: {origin}"
    show_origin("\n".join(lines), described, "encode-threads", write_docs=options.write_docs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
