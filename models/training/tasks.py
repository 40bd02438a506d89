"""What a model learns: a loss by the number of a batch, and what belongs to it.

A model that says by `training_task` how it learns from data is trained by
`train(model, data, options)`; for any other module the data is the loss itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from tokkit.errors import ArgumentError

if TYPE_CHECKING:
    import torch

Loss = Callable[[int], "torch.Tensor"]
"""Number of a batch, from 0 -> its mean loss, a tensor of one number with a gradient."""


@dataclass(frozen=True)
class Task:
    """What is learned.

    Attributes:
        loss: of a batch, by its number; uses the model as it likes.
        evaluate: figures by name, of the model as it is; None: none.
        identity: JSON of what else the training depends on.
        save: writes the model to the folder of its training, whenever a checkpoint is written;
            None: nobody but the caller can.
        batch_bytes: of text in a batch, on average; None: it has none.
        least_steps: with fewer, a part of the model learns nothing; `part` says which.
        part: see there.
    """

    loss: Loss
    evaluate: Callable[[], Mapping[str, float]] | None = None
    identity: Mapping[str, Any] = field(default_factory=dict[str, Any])
    save: Callable[[Path], None] | None = None
    batch_bytes: int | None = None
    least_steps: int = 1
    part: str = "model"


@runtime_checkable
class Learner(Protocol):
    """A model that knows how it is trained."""

    def training_task(self, data: Any, *, seed: int) -> Task:
        """What it learns from some data.

        Args:
            data: of the kinds that it takes.
            seed: of the order in which it is read.

        Raises:
            ArgumentError: data of another kind, or none.
        """
        ...


def task_of(model: object, data: Any, *, seed: int) -> Task:
    """The task of a model: its own, or that of a loss that is given.

    Raises:
        ArgumentError: no loss, and a model that does not say how it learns from data.
    """
    if callable(data):
        return Task(cast(Loss, data))
    if isinstance(model, Learner):
        return model.training_task(data, seed=seed)
    raise ArgumentError(
        f"{type(model).__name__} does not say how it learns from {type(data).__name__}; give the "
        "loss, a function of the number of a batch"
    )
