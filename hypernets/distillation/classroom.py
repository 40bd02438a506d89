"""Teacher and student on one snippet after another: their states at borders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tokkit.hypernets.distillation.lessons import Lesson
from tokkit.hypernets.distillation.memory import Memory
from tokkit.hypernets.frozen_body import FrozenBody

if TYPE_CHECKING:
    import torch

    from tokkit.hypernets.distillation.trained_rows import TrainedRows

Batch = Sequence[tuple[int, Lesson]]
"""Snippets, each with its index among all."""


@dataclass(eq=False)
class Classroom:
    """The old model as the teacher, and with rows of the new vocabulary as the student.

    Attributes:
        body: the layers of both.
        rows: of the student.
        starts: old ids before every snippet, for both.
    """

    body: FrozenBody
    rows: TrainedRows
    starts: tuple[int, ...]
    _memory: Memory = field(default_factory=Memory)

    def student_states(self, batch: Sequence[Lesson]) -> torch.Tensor:
        """float32 (batch, 1 + longest, width): the states after the starts and after each token."""
        import torch

        new = _padded([lesson.new for lesson in batch], self.body.device)
        used, places = torch.unique(new, return_inverse=True)
        starts = torch.tensor([self.starts], device=self.body.device)
        before = self.body.old_inputs(starts).expand(len(batch), -1, -1)
        inputs = self.body.inputs(self.rows.input_rows(used), places)
        states = self.body.states(torch.cat([before, inputs], dim=1))
        return states[:, len(self.starts) - 1 :]

    def taught(self, batch: Batch) -> torch.Tensor:
        """float32 (borders, width): the teacher's states at all shared borders, lesson by lesson.

        They are remembered for the next epoch.
        """
        import torch

        new = [(key, lesson) for key, lesson in batch if key not in self._memory]
        made: dict[int, torch.Tensor] = {}
        if new:
            starts = self.starts
            with torch.no_grad():
                old = _padded([[*starts, *lesson.old] for _, lesson in new], self.body.device)
                states = self.body.states(self.body.old_inputs(old))
            for row, (key, lesson) in enumerate(new):
                places = torch.from_numpy(lesson.old_places + len(starts)).to(states.device)
                made[key] = states[row, places].to(self.body.dtype)
        parts = [self._memory.recall(key, partial(made.__getitem__, key)) for key, _ in batch]
        return torch.cat(parts).float()


def at_borders(states: torch.Tensor, batch: Sequence[Lesson]) -> torch.Tensor:
    """float32 (borders, width): of student's states, those at shared borders, lesson by lesson."""
    import torch

    rows = np.repeat(np.arange(len(batch)), [len(lesson.new_places) for lesson in batch])
    places = np.concatenate([lesson.new_places for lesson in batch]) + 1
    return states[torch.from_numpy(rows), torch.from_numpy(places)]


def before_tokens(
    states: torch.Tensor, batch: Sequence[Lesson]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The state before each token, float32 (tokens, width), and the tokens, int64 (tokens,)."""
    import torch

    rows = np.repeat(np.arange(len(batch)), [len(lesson.new) for lesson in batch])
    places = np.concatenate([np.arange(len(lesson.new)) for lesson in batch])
    tokens = torch.from_numpy(np.concatenate([lesson.new for lesson in batch]))
    return states[torch.from_numpy(rows), torch.from_numpy(places)], tokens.to(states.device)


def _padded(
    sequences: Sequence[Sequence[int] | NDArray[np.int64]], device: torch.device
) -> torch.Tensor:
    """int64 (n, longest): ids, with zeros behind them."""
    import torch

    width = max(map(len, sequences))
    ids = torch.zeros((len(sequences), width), dtype=torch.long)
    for row, each in enumerate(sequences):
        ids[row, : len(each)] = torch.as_tensor(each)
    return ids.to(device)
