"""One version of tokkit, asked by `versions` line by line; imports nothing else of this project.

Reads the name of a task, does it, and writes its CPU-seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

import tokkit

SCORED, STREAMED = 400, 40


def main() -> None:
    """Answer until there is no further line."""
    torch.set_num_threads(1)
    model, *paths = sys.argv[1:]
    lm = tokkit.load_lm(model)

    def stream(data: bytes) -> None:
        state = lm.open(b"")
        for k in range(len(data)):
            state.logprobs()
            state.push(data[k : k + 1])

    tasks: dict[str, Callable[[], object]] = {}
    for path in map(Path, paths):
        data = path.read_bytes()
        tasks[f"scoring {path.stem}"] = lambda data=data[:SCORED]: lm.logprob(data)
        tasks[f"streaming {path.stem}"] = lambda data=data[:STREAMED]: stream(data)
    print(*tasks, sep=",", flush=True)
    for line in sys.stdin:
        begun = time.process_time()
        tasks[line.strip()]()
        print(time.process_time() - begun, flush=True)


if __name__ == "__main__":
    main()
