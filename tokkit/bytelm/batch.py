"""Several byte prefixes under one model, evaluated together: one model call for all of them.

The states of a batch are forks of one, so that they share the cache of every token model inside.
`evaluate_together` gathers what each of them lacks, by token model, and runs each model once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokkit.bytelm.byte_lm import CoverState, evaluate_states
from tokkit.bytelm.byte_model import ByteModel, ByteState
from tokkit.bytelm.ensemble import EnsembleState


def open_together(model: ByteModel, n: int) -> list[ByteState]:
    """`n` states of the empty text that share their caches.

    Args:
        model: a `ByteLM`, a `ByteEnsemble`, or any other; the start of the text is evaluated.
        n: 0 or more.
    """
    start = model.open()
    return [start.fork() for _ in range(n)]


def evaluate_together(states: Sequence[ByteState]) -> None:
    """Evaluate what the next question to each state needs, in one call of each token model.

    A matter of speed alone: a state of a kind that is not known here evaluates itself when asked.

    Args:
        states: of any models; those that share a cache are evaluated together.

    Raises:
        ModelError: a model returned NaN.
    """
    by_session: dict[int, list[CoverState]] = {}
    for state in states:
        for cover in _cover_states(state):
            by_session.setdefault(id(cover.session), []).append(cover)
    for group in by_session.values():
        evaluate_states(group)


def _cover_states(state: ByteState) -> Iterator[CoverState]:
    """The states of single models inside a state."""
    if isinstance(state, CoverState):
        yield state
    elif isinstance(state, EnsembleState):
        for member in state.members:
            yield from _cover_states(member)
