"""What llama.cpp gives and costs beside transformers, one thread each, on the same bytes.

    python -m benchmarks.backends.llamacpp [MODEL ...]

For each packaged model, text and backend: canonical bits per byte of the scored text, CPU seconds a
byte scored and streamed, the nats by which the streamed bytes differ from the scored ones, and the
largest difference of a log-probability of an observed byte from transformers'.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray

import tokkit
from benchmarks.shared.machine import describe_run
from tests.real.test_real_byte_lm import ENGLISH, PYTHON

N_STREAMED = 100


def observed(rows: NDArray[np.float64], text: bytes) -> NDArray[np.float64]:
    """Log-probabilities, nats, of the bytes of a text; float64 (len(text),)."""
    return rows[np.arange(len(text)), list(text)]


def streamed(lm: tokkit.ByteLM, text: bytes) -> NDArray[np.float64]:
    """The same, read byte by byte."""
    state, steps = lm.open(), list[float]()
    for byte in text:
        steps.append(float(state.logprobs()[byte]))
        state.push(bytes([byte]))
    return np.array(steps)


def main() -> None:
    """Print the table."""
    describe_run("llama-cpp-python", "torch", "transformers")
    print("model    backend      text    bits/byte score s/B stream s/B stream-score max gap")
    for name in sys.argv[1:] or ["smollm2", "gemma3"]:
        expected: dict[bytes, NDArray[np.float64]] = {}
        for backend in ("transformers", "llama.cpp"):
            lm = tokkit.load_lm(name, backend=backend, threads=1)
            for label, text in (("english", ENGLISH), ("python", PYTHON)):
                start = time.process_time()
                steps = observed(lm.byte_logprobs(text)[:-1], text)
                middle = time.process_time()
                live = streamed(lm, text[:N_STREAMED])
                end = time.process_time()
                gap = abs(steps - expected.setdefault(text, steps)).max()
                print(
                    f"{name:8} {backend:12} {label:7} "
                    f"{-steps.sum() / len(text) / np.log(2):9.4f} "
                    f"{(middle - start) / len(text):9.4f} {(end - middle) / N_STREAMED:10.4f} "
                    f"{live.sum() - steps[:N_STREAMED].sum():12.3f} {gap:7.3f}"
                )


if __name__ == "__main__":
    main()
