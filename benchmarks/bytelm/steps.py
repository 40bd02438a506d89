"""How closely do steps and a whole pass agree, and what does it cost that they do?

400 bytes of English, one at a time and in one pass, with a model in float32: the sum of the steps
against the joint log-probability, and the largest total variation between the laws of a position.
Then the time that packed layers take to find out which numbers of rows agree on this processor
(`tokkit.bytelm.token_models.transformers.layers.row_blocks`), and of a step and a pass over 400
tokens, with products in blocks of these and with products of any number of rows. One thread, CPU
time, the best of several.

    python -m benchmarks.bytelm.steps [--model smollm2]

`ONEDNN_MAX_CPU_ISA=AVX2` shows a processor without AVX-512 on one that has it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np

import tokkit
from benchmarks.shared.machine import describe_run
from benchmarks.shared.places import ASSETS
from tokkit.bytelm.token_models.transformers.layers.packed_linear import PackedLinear

N_BYTES = 400
N_TOKENS = 400
N_STEPS = 40


def compare(lm: Any, text: bytes) -> None:
    """Print how far steps are from a pass."""
    state = lm.open()
    laws: list[np.ndarray] = []
    for k in range(len(text)):
        laws.append(state.logprobs())
        state.push(text[k : k + 1])
    steps, rows = np.stack(laws), lm.byte_logprobs(text)[:-1]
    nats = steps[np.arange(len(text)), list(text)].sum() - lm.logprob(text)
    variation = abs(np.exp(steps) - np.exp(rows)).sum(axis=1).max() / 2
    print(f"{len(text)} bytes: {abs(nats):.1e} nats, total variation at most {variation:.1e}")


def measure(token_lm: Any, ids: list[int]) -> tuple[float, float]:
    """CPU time of a step and of a pass, in ms."""
    passes: list[float] = []
    steps: list[float] = []
    for _ in range(3):
        session = token_lm.session()
        node = session.root
        for token in ids:
            node = session.extend(node, token)
        passes.append(timed(lambda session=session, node=node: session.logprobs([node])))
    session = token_lm.session()
    node = session.root
    for token in ids[:N_STEPS]:
        node = session.extend(node, token)
        steps.append(timed(lambda node=node: session.logprobs([node])))
    return float(np.median(steps)), min(passes)


def timed(call: Callable[[], Any]) -> float:
    """CPU time of a call, in ms."""
    began = process_time()
    call()
    return (process_time() - began) * 1000


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="How closely steps and a pass agree.")
    parser.add_argument("--model", default="smollm2", metavar="MODEL")
    arguments = parser.parse_args()
    describe_run("torch", "transformers")
    lm = tokkit.load_lm(arguments.model, threads=1)
    text = b"".join(path.read_bytes() for path in sorted(ASSETS.glob("*.txt")))
    compare(lm, text[:N_BYTES])
    token_lm: Any = lm.token_lm
    found = [m for m in token_lm._model.modules() if isinstance(m, PackedLinear)]
    layers: list[Any] = list(found)  # their tables are private
    for layer in layers:
        layer._sizes.clear()
        layer._known.clear()
    finding = timed(lambda: [layer.sizes() for layer in layers])
    print(f"finding the numbers of rows: {finding:.0f} ms for {len(layers)} layers")
    for shape, sizes in layers[0]._known.items():
        print(f"  {shape[1]} x {shape[0]}: {', '.join(map(str, sizes))}")
    ids = (token_lm.tokenizer.encode(text) * 4)[:N_TOKENS]
    in_blocks = measure(token_lm, ids)
    plain: Any = PackedLinear
    plain.forward = plain._multiply
    for name, (step, whole) in (("in blocks", in_blocks), ("at once", measure(token_lm, ids))):
        print(f"{name}: a step {step:.1f} ms, a pass over {N_TOKENS} tokens {whole:.0f} ms")


if __name__ == "__main__":
    main()
