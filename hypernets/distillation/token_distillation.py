"""Token Distillation: a new token's input row, so that the model is in the state it would be in.

Dobler, Elliott & de Melo, "Token Distillation: Attention-aware Input Embeddings for New Tokens"
(ICLR 2026): the mean squared error between the last hidden states of the model after a new token,
and of the same model after the old tokens that spell it; only the new tokens' input rows are
trained. The paper puts one new token at a time into snippets of some 50 tokens, a hundred for each
token; here a whole text is in new tokens, as the model will read it, so that all are trained at
once, and the states are compared where both segmentations have a border. The error is in units of
the mean square of the teacher's states.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tokkit.hypernets.bench import Bench
from tokkit.hypernets.distillation.classroom import Batch, Classroom, at_borders

if TYPE_CHECKING:
    import torch


def state_error(room: Classroom, student: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Relative mean squared error of the student's states at the shared borders of a batch."""
    wanted = room.taught(batch)
    found = at_borders(student, [lesson for _, lesson in batch])
    return (found - wanted).square().mean() / wanted.square().mean()


def token_distillation(room: Classroom, _: Bench) -> Callable[[Batch], torch.Tensor]:
    """The loss of a batch."""

    def loss(batch: Batch) -> torch.Tensor:
        return state_error(room, room.student_states([lesson for _, lesson in batch]), batch)

    return loss
