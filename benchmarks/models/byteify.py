"""A byteified SmolLM2 beside the token model that it was made from.

Makes one, or goes on with it: lessons from code of the standard library that is not held out, and
from the first part of an English text; then a decoder learns from them. Then both are told side by
side, on windows that nothing was learned from or chosen on: bits per byte of held-out modules and
of the end of the English text, exactly for the token model; bytes a CPU-second of scoring and of
writing; and how each goes on after the seven prompts of the README.

    python -m benchmarks.models.byteify --english FILE [--minutes M] [--lesson-bytes N]
        [--into FOLDER] [--windows N] [--only-judge]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.shared.held_out import held_out, python_sources
from benchmarks.shared.machine import describe_run
from benchmarks.shared.prompts import HEALED
from benchmarks.shared.records import FOLDER
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.loading import load_lm
from tokkit.models.byteified.byteify import byteify
from tokkit.models.byteified.model import Byteified
from tokkit.models.text_models.corpus import Texts
from tokkit.models.training import TrainingOptions

LEARNED = 1_000_000
"""Bytes of each kind of text that lessons are drawn from; of the English text, the first ones."""
SKIPPED = 60_000
"""Bytes of the English text between those and the windows."""
WINDOW_BYTES = 1500
WRITTEN = 48
"""Bytes after each prompt."""


def python_text() -> list[bytes]:
    """Modules of the standard library that are not held out, in random order."""
    paths = [path for path in python_sources() if not held_out(path)]
    order: list[int] = np.random.default_rng(1).permutation(len(paths)).tolist()
    texts = [paths[place].read_bytes() for place in order]
    return texts[: int(np.searchsorted(np.cumsum([len(text) for text in texts]), LEARNED))]


def windows(english: bytes, n: int) -> dict[str, list[bytes]]:
    """Windows that nothing is learned from."""
    generator = np.random.default_rng(2)
    paths = [path for path in python_sources() if held_out(path)]
    modules = [path.read_bytes() for path in paths]
    modules = [text for text in modules if len(text) > 2 * WINDOW_BYTES]
    chosen: list[int] = generator.permutation(len(modules))[:n].tolist()
    starts = [int(generator.integers(len(modules[k]) - WINDOW_BYTES)) for k in chosen]
    cuts = zip(chosen, starts, strict=True)
    code = [modules[k][start : start + WINDOW_BYTES] for k, start in cuts]
    prose = english[LEARNED + SKIPPED :]
    places = np.linspace(0, len(prose) - WINDOW_BYTES, n).astype(int).tolist()
    return {"English": [prose[k : k + WINDOW_BYTES] for k in places], "Python": code}


def timed(run: Callable[[], float], n_bytes: int) -> tuple[float, float]:
    """What a run gives, and bytes a CPU-second of it."""
    begun = time.process_time()
    found = run()
    return found, n_bytes / (time.process_time() - begun)


def written(lm: ByteModel) -> tuple[list[bytes], float]:
    """What a model writes, the likeliest byte each time, and bytes a CPU-second."""
    texts: list[bytes] = []

    def run() -> float:
        texts.extend(lm.generate(prompt, max_bytes=WRITTEN, temperature=0.0) for prompt in HEALED)
        return 0.0

    _, speed = timed(run, WRITTEN * len(HEALED))
    return texts, speed


def judge(token_model: ByteLM, byteified: Byteified, english: bytes, n: int) -> None:
    """Print the table, and what is written."""
    print("| text | model | bits per byte | bytes a CPU-second |\n|---|---|---|---|")
    models: dict[str, ByteModel] = {"token model, exactly": token_model, "byteified": byteified}
    for name, texts in windows(english, n).items():
        n_bytes = sum(map(len, texts))
        for model, lm in models.items():
            nats, speed = timed(lambda lm=lm, texts=texts: -sum(map(lm.logprob, texts)), n_bytes)
            bits = nats / np.log(2) / n_bytes
            print(f"| {name} | {model} | {bits:.3f} | {speed:,.0f} |", flush=True)
    found = {model: written(lm) for model, lm in models.items()}
    for model, (_, speed) in found.items():
        print(f"| writing | {model} | | {speed:,.0f} |", flush=True)
    for number, prompt in enumerate(HEALED):
        print(f"\n{prompt!r}")
        for model, (texts, _) in found.items():
            print(f"    {model}: {texts[number]!r}")


def tell(what: str, done: int, total: int) -> None:
    """A line for each tenth step."""
    if done % 10 == 0 or done == total:
        print(what, done, total, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make a model, or go on, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--english", type=Path, required=True, help="a text of 1.2 MB or more")
    parser.add_argument("--minutes", type=float, default=20.0, help="of CPU, for the decoder")
    parser.add_argument("--lesson-bytes", type=int, default=400_000)
    parser.add_argument("--into", type=Path, default=FOLDER / "byteified")
    parser.add_argument("--windows", type=int, default=12)
    parser.add_argument("--only-judge", action="store_true", help="of what the folder holds")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    describe_run("torch", "transformers")
    english = options.english.read_bytes()
    if not options.only_judge:
        training = TrainingOptions(
            seconds=60 * options.minutes, learning_rate=2e-3, weight_decay=0.05, autocast="bfloat16"
        )
        texts = Texts([english[:LEARNED], *python_text()], batch_bytes=16_384)
        byteify(
            "smollm2",
            texts,
            options.into,
            training,
            lesson_bytes=options.lesson_bytes,
            progress=tell,
        )
    token_model = load_lm("smollm2")
    judge(
        token_model, Byteified.load(options.into, token_model=token_model), english, options.windows
    )


if __name__ == "__main__":
    main()
