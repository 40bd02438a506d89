"""Several byte prefixes under one model, evaluated together: one model call for all of them.

The states of a batch are forks of one, so that they share the cache of every token model inside.
`evaluate_together` gathers what each of them lacks, by token model, and runs each model once,
models that share nothing at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from tokkit.bytelm.byte_lm import CoverState, evaluate_states
from tokkit.bytelm.byte_model import ByteModel, ByteState, Draw
from tokkit.bytelm.ensemble import EnsembleState
from tokkit.bytelm.side_by_side import side_by_side


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
    groups = list(by_session.values())
    tasks = [partial(evaluate_states, group) for group in groups]
    side_by_side(tasks, [group[0].parts for group in groups])


def draw_together(model: ByteModel, prompts: Sequence[bytes], draws: Sequence[Draw]) -> list[bytes]:
    """Sample a continuation of each prompt, a symbol of all of them at a time.

    Args:
        model: any.
        prompts: texts to continue.
        draws: one for each prompt.

    Raises:
        ModelError: the model gives a prompt no mass, or returned NaN.
    """
    states = open_together(model, len(prompts))
    for state, prompt in zip(states, prompts, strict=True):
        state.push(prompt)
    texts = [b""] * len(prompts)
    running = {k: draw.run(states[k]) for k, draw in enumerate(draws)}
    while running:
        evaluate_together([states[k] for k in running])
        for k, draw in list(running.items()):
            data = next(draw, None)
            if data is None:
                del running[k]
            else:
                texts[k] += data
    return texts


def _cover_states(state: ByteState) -> Iterator[CoverState]:
    """The states of single models inside a state."""
    if isinstance(state, CoverState):
        yield state
    elif isinstance(state, EnsembleState):
        for member in state.members:
            yield from _cover_states(member)
