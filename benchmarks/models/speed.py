"""How many bytes a CPU-second does each model of text read in training, and write?

One thread. Models are trained for some seconds in float32 (`--autocast bfloat16` for products in
that), on the same batches; then each writes after a short prompt and after a long one with its
cache, as `generate` does: by default, and with a pass for each byte (`speculate=False`). The
subword model also writes in whole tokens. The models have the sizes that their configurations have
by default, and stand beside the subword model of the same session: the machine's speed varies more
than the ratios do.

    python -m benchmarks.models.speed [--corpus FOLDER] [--only NAME…] [--seconds S]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.shared.machine import run_description
from benchmarks.shared.sample_texts import CORPUS, sample_texts
from tokkit.bytelm.completion.completion import complete
from tokkit.models.blocks.options import NgramConfig, StackConfig
from tokkit.models.byte.config import ByteConfig
from tokkit.models.byte.model import ByteTransformer
from tokkit.models.hierarchical.config import HierarchicalConfig
from tokkit.models.hierarchical.model import HierarchicalTransformer
from tokkit.models.spacebyte.model import SpaceByte
from tokkit.models.subword.config import SubwordConfig
from tokkit.models.subword.model import SubwordTransformer
from tokkit.models.subword.vocabulary import train_tokenizer
from tokkit.models.text_models.corpus import Corpus, Texts
from tokkit.models.text_models.learning import text_task
from tokkit.models.training import TrainingOptions, train
from tokkit.models.word_pooled.config import WordPooledConfig
from tokkit.models.word_pooled.model import WordPooledTransformer
from tokkit.models.words.cutting import UnitOptions
from tokkit.text.tokenizer import TextTokenizer

N_BYTES = 2_000_000
PROMPTS = 256, 8192
N_WRITTEN = 256
REPEATS = 3
SUBWORD = "subword"
NGRAMS = NgramConfig()
BYTES = StackConfig(width=192, n_layers=1, n_heads=4)


def _fast() -> HierarchicalTransformer:
    """Little work for a byte, and most of it for units of some nine bytes."""
    return HierarchicalTransformer(
        HierarchicalConfig(
            units=UnitOptions(rule="separator", unit_bytes=6, max_bytes=32),
            encoder=None,
            decoder=BYTES,
            byte_block="convolution",
            hashed_units=16_384,
            hashed_prefixes=16_384,
            ngrams=NGRAMS,
            gate=True,
        )
    )


MODELS: dict[str, Callable[[TextTokenizer], Any]] = {
    SUBWORD: lambda tokenizer: SubwordTransformer(None, tokenizer),
    "subword, n-grams and gate": lambda tokenizer: SubwordTransformer(
        SubwordConfig(ngrams=NGRAMS, gate=True), tokenizer
    ),
    "byte": lambda _: ByteTransformer(),
    "byte, n-grams and gate": lambda _: ByteTransformer(ByteConfig(ngrams=NGRAMS, gate=True)),
    "SpaceByte": lambda _: SpaceByte(),
    "word-pooled": lambda _: WordPooledTransformer(),
    "word-pooled, 4 vectors": lambda _: WordPooledTransformer(WordPooledConfig(n_vectors=4)),
    "hierarchical, paper": lambda _: HierarchicalTransformer(HierarchicalConfig(form="paper")),
    "hierarchical, release": lambda _: HierarchicalTransformer(),
    "hierarchical, convolution": lambda _: _fast(),
}


def bytes_trained(model: Any, texts: Texts, options: TrainingOptions) -> float:
    """A CPU-second of steps, on average."""
    task = text_task(model, texts, seed=0)
    result = train(model, task.loss, options)
    corpus = Corpus(texts, seed=0)
    n_bytes = sum(corpus.batch(number).n_bytes for number in range(result.step))
    return n_bytes / result.seconds


def bytes_written(model: Any, prompt: bytes, unit: Any, *, speculate: bool = True) -> float:
    """A CPU-second, after the prompt has been read and something has been written."""
    state = model.open(prompt)
    state.logprobs()

    def written(seed: int) -> int:
        text = complete(
            model, prompt, unit=unit, max_bytes=N_WRITTEN, seed=seed, state=state.fork(),
            speculate=speculate,
        )  # fmt: skip
        return len(text)

    written(0)
    start = time.process_time()
    n_bytes = sum(written(seed) for seed in range(1, 1 + REPEATS))
    return n_bytes / (time.process_time() - start)


def measured(model: Any, texts: Texts, data: bytes, options: TrainingOptions) -> list[str]:
    """The cells of a model's row, but for its name: training, then writing after each prompt."""
    trained = bytes_trained(model, texts, options)
    model.eval()
    written = [
        bytes_written(model, data[:length], "byte", speculate=speculate)
        for length in PROMPTS
        for speculate in (True, False)
    ]
    n_parameters = sum(each.numel() for each in model.parameters())
    return [f"{n_parameters / 1e6:.1f}", f"{trained:,.0f}", *(f"{each:,.0f}" for each in written)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of texts")
    parser.add_argument("--only", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seconds", type=float, default=30.0, help="of CPU, of each training")
    parser.add_argument("--autocast", choices=["bfloat16"], default=None)
    options = parser.parse_args()
    torch.set_num_threads(1)
    texts, origin = sample_texts(options.corpus, N_BYTES)
    data = texts["English"].encode()
    tokenizer = train_tokenizer([data])
    training = TrainingOptions(seconds=options.seconds, evaluations=0, autocast=options.autocast)
    print(f"{run_description('torch')}\ntexts: English of {origin}\n")
    heads = ["M parameters", "trained"]
    for length in PROMPTS:
        heads += [f"written after {length:,}", "byte by byte"]
    print(f"| bytes a CPU-second | {' | '.join(heads)} |\n{'|---' * (len(heads) + 1)}|")
    for name in options.only:
        model = MODELS[name](tokenizer)
        row = measured(model, Texts(data, batch_bytes=16_384), data, training)
        print(f"| {name} | {' | '.join(row)} |", flush=True)
        if name == SUBWORD:
            tokens = [f"{bytes_written(model, data[:length], 'token'):,.0f}" for length in PROMPTS]
            print(f"| {name}, writing whole tokens | | | {' | | '.join(tokens)} | |", flush=True)


if __name__ == "__main__":
    main()
