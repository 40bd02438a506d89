"""What a transfer that trains is given to train with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from tokkit.arguments import check_kind, check_real
from tokkit.errors import ArgumentError
from tokkit.models.training.options import TrainingOptions

DEFAULT_SECONDS = 300.0


@dataclass(frozen=True)
class TransferTraining:
    """The budget of a method that trains, and where it keeps what it has learned.

    Attributes:
        seconds: of CPU time (of wall time on a GPU) for updates; what comes before and after does
            not count. Five minutes where `steps` is not given either.
        steps: updates; with this budget alone a training is reproducible bit by bit.
        folder: for checkpoints and records; a training that it holds goes on. None for none.
        learning_rate: peak, in units of the root mean square of the entries of the old rows; None
            for the one of the method.
        dtype: of the frozen layers in training; None for bfloat16 where the processor multiplies
            it, else that of the model.
        evaluations: of bits per byte on windows that nothing is trained on, for the curve.
    """

    seconds: float | None = None
    steps: int | None = None
    folder: str | os.PathLike[str] | None = None
    learning_rate: float | None = None
    dtype: Literal["float32", "bfloat16", "float16", "float64"] | None = None
    evaluations: int = 5

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ArgumentError: a value out of its range.
        """
        check_kind(self.folder, (str, os.PathLike, type(None)), "folder")
        if self.learning_rate is not None and check_real("learning_rate", self.learning_rate) <= 0:
            raise ArgumentError(f"learning_rate must be greater than 0, got {self.learning_rate!r}")
        if self.dtype not in (None, "float32", "bfloat16", "float16", "float64"):
            raise ArgumentError(f"dtype is {self.dtype!r}, expected a float type of torch")
        self.options(1.0, seed=0, on_gpu=False)

    def options(self, learning_rate: float, *, seed: int, on_gpu: bool) -> TrainingOptions:
        """Those of the loop.

        Args:
            learning_rate: peak, absolute.
            seed: of the training.
            on_gpu: whether the model is on one.
        """
        seconds = self.seconds
        if seconds is None and self.steps is None:
            seconds = DEFAULT_SECONDS
        return TrainingOptions(
            steps=self.steps,
            seconds=seconds,
            clock="wall" if on_gpu else "cpu",
            learning_rate=learning_rate,
            clip_norm=None,  # Adam does not mind the scale, and rare rows would pay for common ones
            seed=seed,
            evaluations=self.evaluations,
        )
