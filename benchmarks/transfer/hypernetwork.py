"""How much of the gap does a hypernetwork close that was trained on sampled tokenizers alone?

Trains one for SmolLM2, or goes on with it, on the standard library's code that is not held out,
and on the English and the other code of a folder of texts (`code/*.txt`, `lo/en.txt`,
`mw/en.txt`; Python there is left out, because the windows' libraries may be in it). Then it is
judged on tokenizers that it never saw: the code BPE of `targets`, an English BPE, and a Unigram of
code, all of 16,384 tokens.

    python -m benchmarks.transfer.hypernetwork --corpus FOLDER [--minutes M] [--into FOLDER]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.shared.held_out import held_out, python_sources
from benchmarks.shared.records import FOLDER
from benchmarks.transfer.targets import WORD_PIECES, python_texts, python_tokenizer, train_bpe
from tokkit.hypernets.hypernetwork.options import HypernetOptions
from tokkit.hypernets.hypernetwork.training import train_hypernetwork
from tokkit.hypernets.windows import cut_windows
from tokkit.models.training import TrainingOptions
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

ENGLISH_TRAINED = 1_000_000
"""Bytes of English that training and the English tokenizer see; windows come from behind them."""


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
    """Windows of held-out modules, and of held-out English."""
    generator = np.random.default_rng(5)
    paths = [each for each in python_sources() if held_out(each) and each.stat().st_size > 4000]
    order: list[int] = generator.permutation(len(paths))[:10].tolist()
    found = [
        [w for w in cut_windows(path.read_bytes()) if len(w) > 750]
        for path in (paths[each] for each in order)
    ]
    python = [windows[int(generator.integers(len(windows)))] for windows in found]
    english = cut_windows(english_text(corpus)[ENGLISH_TRAINED + 50_000 :])[:80:16]
    return {"python": python, "english": english}


def targets(corpus: Path) -> dict[str, TextTokenizer]:
    """Tokenizers that no training sees."""
    english = english_text(corpus)[:ENGLISH_TRAINED].decode("utf-8", "replace")
    return {
        "python": load_tokenizer(python_tokenizer()),
        "english": load_tokenizer(train_bpe([english], pieces=WORD_PIECES)),
    }


def tell(what: str, done: int, total: int) -> None:
    """A line for each tenth step."""
    if done % 10 == 0:
        print(what, done, total, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, or go on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60.0, help="of CPU")
    parser.add_argument("--into", type=Path, default=FOLDER / "hypernetwork")
    options = parser.parse_args(arguments)
    windows, tokenizers = dev_windows(options.corpus), targets(options.corpus)
    training = TrainingOptions(
        seconds=60 * options.minutes, learning_rate=2e-4, weight_decay=0.01, evaluations=4
    )
    train_hypernetwork(
        "smollm2",
        training_texts(options.corpus),
        options.into,
        training,
        options=HypernetOptions(),
        evaluate_on={name: (tokenizers[name], windows[name]) for name in windows},
        progress=tell,
    )


if __name__ == "__main__":
    main()
