"""Input and output rows trained together: the teacher's states, and the text's own tokens.

The sum of two losses. The states of the student at shared borders should be those of the teacher
(see `token_distillation`), which reaches the input rows alone. And the next token should be
probable (cross-entropy, nats), which reaches input and output rows: the teacher has no distribution
over tokens that it never saw. Over a large vocabulary the cross-entropy is that of a
`sampled_softmax`, with the tokens that the first rows find probable after the teacher's states.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tokkit.hypernets.bench import Bench
from tokkit.hypernets.distillation.classroom import Batch, Classroom, before_tokens
from tokkit.hypernets.distillation.token_distillation import state_error

if TYPE_CHECKING:
    import torch

    from tokkit.hypernets.distillation.sampled_softmax import SampledSoftmax


_ALL_UP_TO = 1 << 15
"""Tokens of a vocabulary that is summed over as a whole."""
_N_CERTAIN = 1 << 13
_N_SAMPLED = 1 << 12


def row_distillation(room: Classroom, bench: Bench) -> Callable[[Batch], torch.Tensor]:
    """The loss of a batch."""
    sample = sample_of(room, bench)

    def loss(batch: Batch) -> torch.Tensor:
        lessons = [lesson for _, lesson in batch]
        student = room.student_states(lessons)
        states, tokens = before_tokens(student, lessons)
        rows = room.rows
        losses = (
            rows.log_losses(states, tokens)
            if sample is None
            else rows.sampled_losses(states, tokens, sample)
        )
        return state_error(room, student, batch) + losses.mean()

    return loss


def sample_of(
    room: Classroom,
    bench: Bench,
    *,
    all_up_to: int = _ALL_UP_TO,
    n_certain: int = _N_CERTAIN,
    n_sampled: int = _N_SAMPLED,
) -> SampledSoftmax | None:
    """What the cross-entropy sums over; None for the whole vocabulary, where it is small.

    Args:
        room: with the rows that a training begins with.
        bench: with the teacher's states, if there are any.
        all_up_to: tokens of a vocabulary that is summed over as a whole.
        n_certain: probable tokens that always count.
        n_sampled: of the others, for each batch.
    """
    import torch

    from tokkit.hypernets.distillation.sampled_softmax import SampledSoftmax, probable_tokens

    n_tokens = len(bench.alignment)
    if n_tokens <= all_up_to:
        return None
    states = None if bench.fitting is None else bench.fitting.states
    certain = torch.empty(0, dtype=torch.long)
    if states is not None:
        with torch.no_grad():
            certain = probable_tokens(states, *room.rows.output_matrix(), n_certain)
    return SampledSoftmax(n_tokens, certain.to(room.body.device), n_sampled)
