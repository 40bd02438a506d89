"""How much of the gap does a hypernetwork close that was trained on sampled tokenizers alone?

Trains one for SmolLM2, or goes on with it, on the standard library's code that is not held out,
and on the English and the other code of a folder of texts (`code/*.txt`, `lo/en.txt`,
`mw/en.txt`; Python there is left out, because the libraries that it is judged on may be in it).
While it trains, `records.jsonl` tells bits per byte on windows of held-out modules and of English.

Then it is judged on tokenizers that it never saw, all of 16,384 tokens and without a text to fit
to: the code BPE of `targets` and a Unigram of code, on windows of installed libraries' code, and an
English BPE, on the end of `lo/en.txt`. `control` is the old model where the new tokenizer cuts;
`closed` is the share of the gap between `mean` (FVT) and the control, and `further` that of the gap
which `shared-first` leaves.

    python -m benchmarks.transfer.hypernetwork --corpus FOLDER [--minutes M] [--into FOLDER]
        [--windows N] [--only-judge]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.shared.byte_level_bpe import train_bpe
from benchmarks.shared.held_out import held_out, python_sources
from benchmarks.shared.records import FOLDER
from benchmarks.transfer.targets import (
    N_TOKENS,
    PYTHON_PIECES,
    python_texts,
    python_tokenizer,
)
from benchmarks.transfer.texts import library_windows
from tokkit.hypernets.hypernetwork.base_rows import heuristic_rows
from tokkit.hypernets.hypernetwork.options import HypernetOptions
from tokkit.hypernets.hypernetwork.trained import TrainedHypernet
from tokkit.hypernets.hypernetwork.training import Trainer, train_hypernetwork
from tokkit.hypernets.plain_models.source_models import load_source
from tokkit.hypernets.windows import WINDOW_BYTES, cut_windows
from tokkit.models.training import TrainingOptions
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

ENGLISH_TRAINED = 1_000_000
"""Bytes of English that training and the English tokenizer see."""
ENGLISH_DEV = 1_050_000
ENGLISH_FINAL = 1_120_000
"""Where the windows begin that the records tell of, and those of the table."""
UNIGRAM_TRAINED = 2_000_000
OPTIONS = HypernetOptions()
COLUMNS = ("target", "control", "mean", "shared-first", "hypernetwork", "closed", "further")


def training_texts(corpus: Path) -> list[bytes]:
    """Code of the standard library, English, and other code, a text each."""
    texts = python_texts()
    order: list[int] = np.random.default_rng(0).permutation(len(texts)).tolist()
    python = "\n".join(texts[each] for each in order).encode()
    english = english_text(corpus)[:ENGLISH_TRAINED] + (corpus / "mw" / "en.txt").read_bytes()
    code = [path for path in sorted((corpus / "code").glob("*.txt")) if path.stem != "Python"]
    return [python, 3 * english, *(path.read_bytes() for path in code)]


def english_text(corpus: Path) -> bytes:
    """English prose of a help system."""
    return (corpus / "lo" / "en.txt").read_bytes()


def dev_windows(corpus: Path) -> dict[str, list[bytes]]:
    """Windows of held-out modules, and of held-out English, for the records."""
    generator = np.random.default_rng(5)
    paths = [each for each in python_sources() if held_out(each) and each.stat().st_size > 4000]
    order: list[int] = generator.permutation(len(paths))[:10].tolist()
    found = [
        [w for w in cut_windows(path.read_bytes()) if len(w) > WINDOW_BYTES // 2]
        for path in (paths[each] for each in order)
    ]
    python = [windows[int(generator.integers(len(windows)))] for windows in found]
    english = cut_windows(english_text(corpus)[ENGLISH_DEV:ENGLISH_FINAL])[::9][:5]
    return {"python": python, "english": english}


def final_windows(corpus: Path, n: int) -> dict[str, list[bytes]]:
    """Windows that nothing was chosen on, by the name of the target."""
    code = library_windows(n)
    english = cut_windows(english_text(corpus)[ENGLISH_FINAL:])
    return {"python": code, "python unigram": code, "english": english[:n]}


def targets(corpus: Path) -> dict[str, TextTokenizer]:
    """Tokenizers that no training sees, by name."""
    english = english_text(corpus)[:ENGLISH_TRAINED].decode("utf-8", "replace")
    return {
        "python": load_tokenizer(python_tokenizer()),
        "english": load_tokenizer(train_bpe([english], n_tokens=N_TOKENS)),
    }


def unigram() -> TextTokenizer:
    """A Unigram of Python source with byte fallback, of the `tokenizers` library."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    cut = pre_tokenizers.Split(Regex(PYTHON_PIECES), "isolated")
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = cut  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.UnigramTrainer(
        vocab_size=N_TOKENS,
        special_tokens=["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))],
        unk_token="<unk>",
        show_progress=False,
    )
    text = "\n".join(python_texts())[:UNIGRAM_TRAINED]
    tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer)
    document = json.loads(tokenizer.to_str())  # the trainer has no option for the fallback
    document["model"]["byte_fallback"] = True
    document["added_tokens"] = []
    document["decoder"] = {
        "type": "Sequence",
        "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}],
    }
    return load_tokenizer(Tokenizer.from_str(json.dumps(document)))


def judged(trainer: Trainer, tokenizer: TextTokenizer, windows: list[bytes]) -> list[float]:
    """Bits per byte: control, mean, shared-first, hypernetwork."""
    lesson = trainer.maker.lesson(tokenizer, windows, scored=True)
    rows = (
        heuristic_rows(trainer.maker.task(tokenizer), "mean"),
        lesson.base,
        trainer.rows(lesson),
    )
    control = lesson.control.bits() / lesson.n_bytes
    return [control, *(trainer.bits_per_byte(lesson, each) for each in rows)]


def print_table(into: Path, corpus: Path, n_windows: int) -> None:
    """A line for each target as it is there."""
    trainer = Trainer(load_source("smollm2"), OPTIONS, seed=0)
    trainer.network.load_state_dict(TrainedHypernet.load(into).network.state_dict())
    windows = final_windows(corpus, n_windows)
    tokenizers = {**targets(corpus), "python unigram": unigram()}
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name, tokenizer in tokenizers.items():
        control, mean, shared, made = judged(trainer, tokenizer, windows[name])
        figures = " | ".join(f"{each:.3f}" for each in (control, mean, shared, made))
        closed, further = (mean - made) / (mean - control), (shared - made) / (shared - control)
        print(f"| {name} | {figures} | {closed:.0%} | {further:.0%} |", flush=True)


def tell(what: str, done: int, total: int) -> None:
    """A line for each tenth step."""
    if done % 10 == 0:
        print(what, done, total, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, or go on, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60.0, help="of CPU")
    parser.add_argument("--into", type=Path, default=FOLDER / "hypernetwork")
    parser.add_argument("--windows", type=int, default=24)
    parser.add_argument("--only-judge", action="store_true", help="of what the folder holds")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if not options.only_judge:
        windows, tokenizers = dev_windows(options.corpus), targets(options.corpus)
        training = TrainingOptions(
            seconds=60 * options.minutes, learning_rate=2e-4, weight_decay=0.01, evaluations=3
        )
        train_hypernetwork(
            "smollm2",
            training_texts(options.corpus),
            options.into,
            training,
            options=OPTIONS,
            evaluate_on={name: (tokenizers[name], windows[name]) for name in windows},
            progress=tell,
        )
    print_table(options.into, options.corpus, options.windows)


if __name__ == "__main__":
    main()
