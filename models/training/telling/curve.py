"""How a training went, in few enough numbers for a picture: `TrainingCurve`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokkit.models.training.records import Record

_MOST_STRETCHES = 100
"""Of steps, whose losses are averaged."""


@dataclass(frozen=True)
class TrainingCurve:
    """How a training went.

    Attributes:
        steps: updates made, at the end of each of at most a hundred stretches of them.
        seconds: spent on updates, there.
        losses: mean of each stretch.
        evaluated_steps: updates made when held-out windows were scored.
        evaluated_at: seconds spent by then.
        bits_per_byte: of them.
    """

    steps: tuple[int, ...]
    seconds: tuple[float, ...]
    losses: tuple[float, ...]
    evaluated_steps: tuple[int, ...]
    evaluated_at: tuple[float, ...]
    bits_per_byte: tuple[float, ...]

    @classmethod
    def of(cls, records: Sequence[Record], evaluation: str) -> TrainingCurve:
        """The curve of a training's records.

        Args:
            records: of steps and evaluations.
            evaluation: name of the figure of bits per byte.
        """
        steps = [record for record in records if record.loss is not None]
        n_stretches = min(len(steps), _MOST_STRETCHES)
        stretches = [part.tolist() for part in np.array_split(np.arange(len(steps)), n_stretches)]
        evaluations = [record for record in records if evaluation in record.evaluation]
        return cls(
            tuple(steps[part[-1]].step for part in stretches),
            tuple(steps[part[-1]].seconds for part in stretches),
            tuple(float(np.mean([steps[k].loss for k in part])) for part in stretches),
            tuple(record.step for record in evaluations),
            tuple(record.seconds for record in evaluations),
            tuple(record.evaluation[evaluation] for record in evaluations),
        )


def last_loss(records: Sequence[Record]) -> float:
    """Mean loss of the last tenth of the steps, of which there is one at least."""
    losses = [record.loss for record in records if record.loss is not None]
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last)
