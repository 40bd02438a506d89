"""What the contenders learn from, and how: the same texts, batches and options for all."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from benchmarks.models.contenders import Contender
from tokkit.models.subword.vocabulary import train_tokenizer
from tokkit.models.text_models.corpus import Texts, cut_document
from tokkit.models.training import TrainingOptions
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

WINDOW_BYTES = 1024
BATCH_BYTES = 8192
COUNTED_BYTES = 8_000_000
"""Of the training text, in which the tokenizer and the frequencies of words are counted."""


class Documents:
    """The texts of the comparison."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that `debian_documents` wrote."""
        self._folder = folder

    def path(self, language: str) -> Path:
        """What is trained on."""
        return self._folder / language / "train.txt"

    @cache  # noqa: B019  # one object a run
    def counted(self) -> bytes:
        """The beginning of the English."""
        with self.path("english").open("rb") as stream:
            return stream.read(COUNTED_BYTES)

    def windows(self, language: str, n: int) -> list[bytes]:
        """Whole windows of held-out documents, spread evenly."""
        data = (self._folder / language / "held_out.txt").read_bytes()
        cuts = [
            cut for cut in cut_document(data, WINDOW_BYTES) if cut[1] - cut[0] > WINDOW_BYTES // 2
        ]
        return [data[slice(*cuts[k * len(cuts) // n])] for k in range(min(n, len(cuts)))]


def tokenizer_of(documents: Documents, folder: Path) -> TextTokenizer:
    """The BPE of 8,192 tokens of the subword models, trained once."""
    place = folder / "tokenizer"
    if not place.exists():
        train_tokenizer([documents.counted()]).save(place)
    return load_tokenizer(place)


def texts_of(path: Path) -> Texts:
    """A file as all learn from it."""
    return Texts(path, batch_bytes=BATCH_BYTES, window_bytes=WINDOW_BYTES, held_out=0.01)


def training(
    contender: Contender, steps: int, *, seed: int = 0, evaluations: int = 10
) -> TrainingOptions:
    """How a contender is trained: all in the same way, but for the optimiser of some."""
    return TrainingOptions(
        steps=steps,
        optimizer=contender.optimizer,
        learning_rate=2e-3,
        weight_decay=0.05,
        autocast="bfloat16",
        seed=seed,
        evaluations=evaluations,
    )
