"""Input and output rows trained together: the teacher's states, and the text's own tokens.

The sum of two losses. The states of the student at shared borders should be those of the teacher
(see `token_distillation`), which reaches the input rows alone. And the next token should be
probable (cross-entropy, nats), which reaches input and output rows: the teacher has no distribution
over tokens that it never saw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tokkit.hypernets.bench import Bench
from tokkit.hypernets.distillation.classroom import Batch, Classroom, before_tokens
from tokkit.hypernets.distillation.token_distillation import state_error

if TYPE_CHECKING:
    import torch


def row_distillation(room: Classroom, _: Bench) -> Callable[[Batch], torch.Tensor]:
    """The loss of a batch."""

    def loss(batch: Batch) -> torch.Tensor:
        lessons = [lesson for _, lesson in batch]
        student = room.student_states(lessons)
        states, tokens = before_tokens(student, lessons)
        return state_error(room, student, batch) + room.rows.log_losses(states, tokens).mean()

    return loss
