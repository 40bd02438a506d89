"""What a text model learns from texts: nats a byte, told in bits on windows that are held out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch

from tokkit.bytelm.documents import Text
from tokkit.models.saving.configs import config_to_dict
from tokkit.models.text_models.corpus import Corpus, Texts, as_texts
from tokkit.models.text_models.windows import Windows
from tokkit.models.training.tasks import Task

BITS_PER_BYTE = "bits_per_byte"
"""Name of the figure on held-out windows: what is predicted of them, by the bytes that they hold.
A window is read by itself, and the end of a document is predicted where it has one."""


class Taught(Protocol):
    """What learning needs of a model; see `tokkit.models.text_models.text_model`."""

    kind: ClassVar[str]
    config: Any

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        ...

    def nats(self, windows: Windows) -> torch.Tensor:
        """What the targets of each window cost."""
        ...

    def training_nats(self, windows: Windows) -> torch.Tensor:
        """What is minimised of each window."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model to a folder."""
        ...


def text_task(model: Taught, data: Texts | Text | Sequence[Text], *, seed: int) -> Task:
    """The task of a text model.

    Args:
        model: to train.
        data: one text, several, or `Texts`, which says how they are read.
        seed: of the order of the windows.

    Raises:
        ArgumentError: not one byte.
        FormatError: a file cannot be read.
    """
    texts = as_texts(data)
    corpus = Corpus(texts, seed=seed)

    def loss(number: int) -> torch.Tensor:
        windows = corpus.batch(number).to(model.device)
        return model.training_nats(windows).sum() / windows.n_bytes

    def evaluate() -> Mapping[str, float]:
        return {BITS_PER_BYTE: held_out_bits_per_byte(model, corpus)}

    return Task(
        loss,
        evaluate if corpus.held_out else None,
        identity={
            "kind": model.kind,
            "config": config_to_dict(model.config),
            "texts": corpus.fingerprint(),
            "batch_bytes": texts.batch_bytes,
            "window_bytes": texts.window_bytes,
            "held_out": texts.held_out,
        },
        save=model.save,
        batch_bytes=corpus.batch_bytes,
    )


def held_out_bits_per_byte(model: Taught, corpus: Corpus) -> float:
    """Bits for each byte of the windows of a corpus that nothing is learned from."""
    nats, n_bytes = 0.0, 0
    for windows in corpus.evaluated():
        nats += float(model.nats(windows.to(model.device)).double().sum())
        n_bytes += windows.n_bytes
    return nats / math.log(2) / n_bytes
