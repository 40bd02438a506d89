"""What does it save to complete several prompts together?

The same prompts with the same seeds, one after the other and in one batch: CPU-seconds and forward
passes of the model a byte of completion.

    python -m benchmarks.bytelm.batch [--model smollm2] [--prompts 8] [--bytes 64]
"""

from __future__ import annotations

import argparse
from time import process_time
from typing import Any

import tokkit
from benchmarks.bytelm.model_clock import ModelClock
from benchmarks.shared.machine import describe_run

PROMPTS = (
    "The three most important inventions of the nineteenth century were",
    "def quicksort(xs):\n    ret",
    "I visited Par",
    'The link is <a href="http:',
    "In the beginning of the year, the compan",
    "Once upon a time there was a small vill",
    "for i in range(10):\n    pri",
    "Water boils at a temperature of",
)


def main() -> None:
    """Measure both ways, and print the table."""
    parser = argparse.ArgumentParser(description="Completing several prompts together.")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--bytes", type=int, default=64, help="of each completion (64)")
    arguments = parser.parse_args()
    lm = tokkit.load_lm(arguments.model, threads=1)
    token_lm: Any = lm.token_lm
    clock = ModelClock(token_lm._model)
    prompts = [PROMPTS[k % len(PROMPTS)] for k in range(arguments.prompts)]
    lm.generate("Warm up", max_bytes=8, seed=0)
    rows: list[tuple[str, float, int, int]] = []
    texts: list[list[bytes]] = []
    for name in ("one after the other", "together"):
        clock.reset()
        began = process_time()
        if name == "together":
            found = lm.generate_batch(prompts, max_bytes=arguments.bytes, seed=0)
        else:
            found = [
                lm.generate(prompt, max_bytes=arguments.bytes, seed=k)
                for k, prompt in enumerate(prompts)
            ]
        rows.append((name, process_time() - began, clock.n_passes, sum(map(len, found))))
        texts.append(found)
    describe_run("torch", "transformers")
    equal = sum(one == other for one, other in zip(*texts, strict=True))
    print(f"\n{len(prompts)} prompts; {equal} of {len(prompts)} completions are equal both ways\n")
    print("| prompts | CPU-ms a byte | model calls a byte |\n|---|---|---|")
    for name, seconds, n_passes, n_bytes in rows:
        print(f"| {name} | {seconds / n_bytes * 1000:.1f} | {n_passes / n_bytes:.2f} |")
    print(f"\nTogether is {rows[0][1] / rows[0][3] / (rows[1][1] / rows[1][3]):.1f} times as fast.")


if __name__ == "__main__":
    main()
