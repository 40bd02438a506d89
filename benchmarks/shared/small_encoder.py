"""A small multilingual encoder that is trained here: a ModernBERT that fills in masked tokens.

Six languages, of each three collections of text: the help of an office suite, the messages of a
wiki's interface, manual pages. Of each file the first four fifths are for training (of the
tokenizer, too), a twentieth is for choices, and the rest is for figures.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from safetensors import safe_open
from torch import nn
from torch.nn import functional

from benchmarks.shared.byte_level_bpe import train_bpe
from tokkit.models.training import TrainingOptions, train
from tokkit.models.training.checkpoints import CHECKPOINT
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

LANGUAGES = ("de", "es", "fr", "ja", "pl", "ru")
SOURCES = ("lo", "mw", "man")
"""Folders of the corpus: help, messages, manual pages."""
SPECIAL = ("[PAD]", "[CLS]", "[MASK]")
PAD, CLS, MASK = range(3)
N_TOKENS = 8192
LENGTH = 64
"""Tokens of a sequence, at most."""
MASKED_SHARE = 0.15
_PARTS = {"training": (0.0, 0.8), "choosing": (0.8, 0.85), "figures": (0.85, 1.0)}
_LEAST_CHARACTERS = 20
"""Of a line that is a text of its own."""
_BATCH = 48
_MODEL = "model."
"""What names of weights begin with in a checkpoint."""

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """The folder of texts.

    Attributes:
        folder: that holds `lo`, `mw` and `man`, with a file for each language.
    """

    folder: Path

    def __post_init__(self) -> None:
        """See that the files are there.

        Raises:
            SystemExit: one is missing.
        """
        missing = [path for path in self._paths() if not path.is_file()]
        if missing:
            raise SystemExit(
                f"skipped: {missing[0]} is missing; --corpus must name a folder with "
                f"{', '.join(SOURCES)}, each with {', '.join(f'{name}.txt' for name in LANGUAGES)}"
            )

    def _paths(self) -> list[Path]:
        return [self.folder / source / f"{name}.txt" for source in SOURCES for name in LANGUAGES]

    def part(self, source: str, language: str, part: str) -> str:
        """Whole lines of one file that are for one purpose."""
        path = self.folder / source / f"{language}.txt"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        first, end = (round(len(lines) * share) for share in _PARTS[part])
        return "".join(lines[first:end])

    def lines(self, language: str, part: str) -> tuple[list[str], Ids]:
        """Lines of some length, and the collection of each; as many of every collection.

        They are in a random order that is always the same.
        """
        found = [
            [
                line
                for line in dict.fromkeys(self.part(source, language, part).splitlines())
                if len(line.strip()) >= _LEAST_CHARACTERS
            ]
            for source in SOURCES
        ]
        n = min(map(len, found))
        generator = np.random.default_rng(0)
        lines: list[str] = []
        for each in found:
            drawn: list[int] = generator.permutation(len(each))[:n].tolist()
            lines += [each[place] for place in drawn]
        labels = np.repeat(np.arange(len(found)), n)
        order: list[int] = generator.permutation(len(lines)).tolist()
        return [lines[k] for k in order], labels[order]


class SmallEncoder:
    """A ModernBERT over a multilingual vocabulary, and what it is trained on.

    Attributes:
        corpus: the texts.
        folder: for what is trained.
    """

    def __init__(self, corpus: Path, folder: Path) -> None:
        """Take the folders.

        Raises:
            SystemExit: the corpus lacks a file.
        """
        self.corpus = Corpus(corpus)
        self.folder = folder
        torch.set_num_threads(1)

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        """The vocabulary, trained once."""
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            texts = [self.corpus.part(s, each, "training") for each in LANGUAGES for s in SOURCES]
            train_bpe(texts, n_tokens=N_TOKENS, special_tokens=SPECIAL).save(str(path))
        return load_tokenizer(path)

    @cached_property
    def training_ids(self) -> dict[tuple[str, str], Ids]:
        """Language and collection -> the ids of its training text."""
        return {
            (language, source): np.array(
                self.tokenizer.encode(self.corpus.part(source, language, "training"))
            )
            for language in LANGUAGES
            for source in SOURCES
        }

    def masked_model(self, seconds: float, *, as_it_is: bool = False) -> Any:
        """A ModernBertForMaskedLM, trained for so many CPU seconds.

        Args:
            seconds: of CPU time.
            as_it_is: whether to take it as an unfinished training has left it in the folder.
        """
        model = new_model(self.tokenizer.vocab_size)
        if as_it_is:
            opened: Any = safe_open(self.folder / "masked" / CHECKPOINT, framework="pt")
            with opened as file:
                names: list[str] = [name for name in file.keys() if name.startswith(_MODEL)]  # noqa: SIM118
                kept = {name.removeprefix(_MODEL): file.get_tensor(name) for name in names}
            odd = model.load_state_dict(kept, strict=False)
            assert not odd.unexpected_keys
            assert set(odd.missing_keys) <= {"decoder.weight"}, "which is that of the input rows"
            return model.eval()

        def loss(number: int) -> torch.Tensor:
            return self._loss(model, number)

        options = TrainingOptions(
            seconds=seconds,
            learning_rate=2e-3,
            weight_decay=0.01,
            autocast="bfloat16",
            evaluations=0,
        )
        train(
            model,
            loss,
            options,
            folder=self.folder / "masked",
            progress=told(seconds),
        )
        return model.eval()

    def chunk(self, generator: np.random.Generator, pair: tuple[str, str], n: int) -> Ids:
        """int64 (n, LENGTH): stretches of a training text, each after `CLS`."""
        ids = self.training_ids[pair]
        starts = generator.integers(len(ids) - LENGTH + 1, size=n)
        made = ids[starts[:, None] + np.arange(LENGTH - 1)]
        return np.concatenate([np.full((n, 1), CLS), made], axis=1)

    def _loss(self, model: Any, number: int) -> torch.Tensor:
        generator = np.random.default_rng([1, number])
        pairs = [(LANGUAGES[k], source) for k in range(len(LANGUAGES)) for source in SOURCES]
        drawn: list[int] = generator.integers(len(pairs), size=_BATCH).tolist()
        given = np.concatenate([self.chunk(generator, pairs[k], 1) for k in drawn])
        ids, chosen = masked(given, generator, self.tokenizer.vocab_size)
        states = model.base_model(torch.from_numpy(ids)).last_hidden_state
        logits = masked_logits(model, states[torch.from_numpy(chosen)])
        return functional.cross_entropy(logits.float(), torch.from_numpy(given[chosen]))


def new_model(n_tokens: int) -> Any:
    """A ModernBertForMaskedLM with random weights, always the same."""
    more: dict[str, Any] = {"global_attn_every_n_layers": 1, "attn_implementation": "sdpa"}
    config = transformers.ModernBertConfig(
        vocab_size=n_tokens,
        hidden_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=2 * LENGTH,
        initializer_range=0.05,
        pad_token_id=PAD,
        cls_token_id=CLS,
        sep_token_id=CLS,
        bos_token_id=None,
        eos_token_id=None,
        **more,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return transformers.ModernBertForMaskedLM(config)


def masked_logits(model: Any, states: torch.Tensor) -> torch.Tensor:
    """Float (n, vocabulary): what a masked model makes of some of its last states (n, width)."""
    return model.decoder(model.head(states))


def masked(
    ids: Ids, generator: np.random.Generator, n_tokens: int
) -> tuple[Ids, NDArray[np.bool_]]:
    """Ids as BERT sees them in training, and which places it has to tell.

    Of the places that are chosen, eight tenths are masked, one holds any token, one stays.
    """
    chosen = (generator.random(ids.shape) < MASKED_SHARE) & (ids >= len(SPECIAL))
    kind = generator.random(ids.shape)
    made = np.where(chosen & (kind < 0.8), MASK, ids)
    other = generator.integers(len(SPECIAL), n_tokens, size=ids.shape)
    return np.where(chosen & (kind >= 0.9), other, made), chosen


def told(seconds: float) -> Callable[[str, int, int], None]:
    """A line for each tenth of a training."""
    last = [-1]

    def tell(what: str, done: int, total: int) -> None:
        if (tenth := 10 * done // max(1, total)) != last[0]:
            last[0] = tenth
            print(f"{what}: {done} of {total} ({seconds:.0f} CPU seconds in all)", flush=True)

    return tell


def classifier_of(masked_model: Any) -> Any:
    """A ModernBertForSequenceClassification over the same layers, one class a collection."""
    config = copy.deepcopy(masked_model.config)
    config.num_labels = len(SOURCES)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = transformers.ModernBertForSequenceClassification(config)
    made.base_model.load_state_dict(masked_model.base_model.state_dict())
    return made


def trained_classifier(
    encoder: SmallEncoder, model: Any, seconds: float, folder: Path
) -> nn.Module:
    """Train a classifier on lines of the training texts: which collection is a line of?"""
    examples: Mapping[str, tuple[list[Ids], Ids]] = {
        language: (
            [line_ids(encoder.tokenizer, line) for line in lines],
            labels,
        )
        for language in LANGUAGES
        for lines, labels in [encoder.corpus.lines(language, "training")]
    }

    def loss(number: int) -> torch.Tensor:
        generator = np.random.default_rng([2, number])
        sequences, labels = examples[LANGUAGES[int(generator.integers(len(LANGUAGES)))]]
        drawn: list[int] = generator.permutation(len(sequences))[:_BATCH].tolist()
        ids, mask = padded([sequences[k] for k in drawn])
        logits = model(ids, attention_mask=mask).logits
        return functional.cross_entropy(logits.float(), torch.from_numpy(labels[drawn]))

    options = TrainingOptions(
        seconds=seconds, learning_rate=5e-4, weight_decay=0.01, autocast="bfloat16", evaluations=0
    )
    train(model, loss, options, folder=folder, progress=told(seconds))
    return model.eval()


def line_ids(tokenizer: TextTokenizer, line: str) -> Ids:
    """The ids of a line, cut to what the encoder takes; without `CLS`."""
    return np.array(tokenizer.encode(line)[: LENGTH - 1], np.int64)


def padded(sequences: list[Ids]) -> tuple[torch.Tensor, torch.Tensor]:
    """int64 (n, longest + 1) with `CLS` first and `PAD` behind, and what is no padding."""
    longest = max(map(len, sequences)) + 1
    ids = np.full((len(sequences), longest), PAD)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence) + 1] = [CLS, *sequence]
    return torch.from_numpy(ids), torch.from_numpy(ids != PAD)
