"""A tiny training, and a script that does it in each of several processes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from tests.hypernets.plain_models.toy_models import toy_model, toy_tokenizer
from tests.text.format_samples import CORPUS
from tokkit.hypernets.hypernetwork.options import HypernetOptions
from tokkit.hypernets.hypernetwork.sampling import SamplerOptions
from tokkit.hypernets.hypernetwork.training import HypernetTraining, train_hypernetwork
from tokkit.models.training import TrainingOptions

TEXT = "\n".join(CORPUS) * 12
SAMPLER = SamplerOptions(min_tokens=280, max_tokens=360, window_bytes=4000, text_bytes=1500)
OPTIONS = HypernetOptions(
    n_layers=1, hidden=16, n_states=64, n_negatives=16, lesson_windows=3, window_bytes=200,
    lessons_at_once=2, lesson_steps=2, output_scale=1.0, autocast=False, sampler=SAMPLER,
)  # fmt: skip
TRAINING = TrainingOptions(steps=6, learning_rate=0.01, evaluations=2)


def toy_source(kind: str = "llama") -> tuple[Any, Any]:
    """A model and its tokenizer."""
    return toy_model(kind, 280), toy_tokenizer(280)


def toy_training(
    folder: Path,
    training: TrainingOptions = TRAINING,
    options: HypernetOptions = OPTIONS,
    *,
    kind: str = "llama",
    **given: Any,
) -> HypernetTraining:
    """Train on the samples of the tests."""
    return train_hypernetwork(toy_source(kind), [TEXT], folder, training, options=options, **given)


def main(folder: Path) -> None:
    """Train, and write down what this process has learned."""
    from torch import distributed

    trained = toy_training(folder / "run")
    state = trained.hypernet.network.state_dict()
    torch.save(state, folder / f"{distributed.get_rank()}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
