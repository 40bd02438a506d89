"""What do smaller weights cost in accuracy, and what do they save?

The next-byte laws of a model (canonical semantics) at every position of two texts of 400 bytes, in
each dtype against float32: bits a byte, and the total variation between the laws, mean and largest
over the positions. CPU-seconds a byte of scoring, and of streaming the first bytes of the Python
text, where the weights are read once a byte. Memory is what the weights and buffers occupy. One
thread, each dtype in a process of its own.

    python -m benchmarks.bytelm.precision [--models smollm2 gemma3] [--dtypes float32 bfloat16 int8]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

import tokkit
from benchmarks.shared.machine import describe_run
from benchmarks.shared.places import ASSETS

DTYPES = ("float32", "bfloat16", "int8")
N_STREAMED = 40


@dataclass(frozen=True)
class Laws:
    """What one dtype gave.

    Attributes:
        probabilities: float64 (positions, 257), of both texts.
        bits_per_byte: over both texts.
        score_ms: CPU time, ms a byte, of a whole text; `stream_ms`, of byte by byte.
        n_bytes: of weights and buffers.
    """

    probabilities: np.ndarray
    bits_per_byte: float
    score_ms: float
    stream_ms: float
    n_bytes: int


def measure(model: str, dtype: str, path: Path) -> None:
    """In a process of its own: write the `Laws` of one dtype."""
    lm = tokkit.load_lm(model, dtype=dtype, threads=1)
    lm.byte_logprobs(b"Something to warm up with.\n")
    texts = [file.read_bytes() for file in sorted(ASSETS.glob("*.txt"))]
    began = process_time()
    rows = [lm.byte_logprobs(text) for text in texts]
    scored = process_time() - began
    state = lm.open()
    began = process_time()
    for byte in texts[-1][:N_STREAMED]:
        state.logprobs()
        state.push(bytes([byte]))
    streamed = process_time() - began
    nats = -sum(
        row[np.arange(len(text)), list(text)].sum() for row, text in zip(rows, texts, strict=True)
    )
    token_lm: Any = lm.token_lm
    tensors = chain(token_lm._model.parameters(), token_lm._model.buffers())
    n_bytes = sum(map(len, texts))
    np.savez(
        path,
        probabilities=np.exp(np.concatenate(rows)),
        bits_per_byte=nats / n_bytes / np.log(2),
        score_ms=scored / n_bytes * 1000,
        stream_ms=streamed / N_STREAMED * 1000,
        n_bytes=sum(tensor.nbytes for tensor in tensors),
    )


def laws_of(model: str, dtype: str) -> Laws:
    """Run `measure` in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="tokkit-") as folder:
        path = Path(folder) / "laws.npz"
        command = [
            sys.executable,
            "-m",
            "benchmarks.bytelm.precision",
            "--measure",
            model,
            dtype,
            str(path),
        ]
        subprocess.run(command, check=True)
        with np.load(path) as found:
            numbers = {name: found[name].item() for name in found if name != "probabilities"}
            return Laws(found["probabilities"], **numbers)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="What smaller weights cost and save.")
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma3"], metavar="MODEL")
    parser.add_argument("--dtypes", nargs="+", default=DTYPES, choices=DTYPES, metavar="DTYPE")
    parser.add_argument("--measure", nargs=3, help="used inside: MODEL DTYPE FILE")
    arguments = parser.parse_args()
    if arguments.measure:
        model, dtype, path = arguments.measure
        measure(model, dtype, Path(path))
        return
    describe_run("torch", "transformers")
    print(
        "\n| model | dtype | bits/B | to float32 | mean TV | largest TV | scoring, ms/B "
        "| streaming, ms/B | weights, MB |\n" + "|---" * 9 + "|"
    )
    for model in arguments.models:
        exact = laws_of(model, "float32")
        for dtype in arguments.dtypes:
            laws = exact if dtype == "float32" else laws_of(model, dtype)
            variation = abs(laws.probabilities - exact.probabilities).sum(axis=1) / 2
            print(
                f"| {model} | {dtype} | {laws.bits_per_byte:.4f} "
                f"| {laws.bits_per_byte - exact.bits_per_byte:+.4f} | {variation.mean():.4f} "
                f"| {variation.max():.3f} | {laws.score_ms:.1f} | {laws.stream_ms:.1f} "
                f"| {laws.n_bytes / 1e6:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
