"""Several byte prefixes under one model, evaluated together: one model call for all of them.

The states of a batch are forks of one (`tokkit.bytelm.byte_model.open_together`), so that they
share the cache of every token model inside. `evaluate_together` gathers what each of them lacks, by
cache, and runs each model once, models that share nothing at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.drawing.draw import Draw
from tokkit.bytelm.side_by_side import side_by_side


def evaluate_together(states: Sequence[ByteState]) -> None:
    """Evaluate what the next question to each state needs, in one call of each token model.

    A matter of speed alone: what shares no cache evaluates itself when asked.

    Args:
        states: of any models; those of one law that share a cache are evaluated together.

    Raises:
        ModelError: a model returned NaN.
    """
    groups: dict[tuple[type, int, object], list[ByteState]] = {}
    for single in (single for state in states for single in state.stands_on):
        if single.cache is not None:
            groups.setdefault((type(single), id(single.cache), single.law), []).append(single)
    tasks = [partial(first.evaluate_with, others) for first, *others in groups.values()]
    side_by_side(tasks, [group[0].parts for group in groups.values()])


def push_together(states: Sequence[ByteState], texts: Sequence[bytes]) -> None:
    """Add a text to each state; ensembles that learn from it ask each model once for all.

    Args:
        states: of any models; those of one law that share their caches are asked together.
        texts: one for each.
    """
    groups: dict[object, list[tuple[ByteState, bytes]]] = {}
    for k, (state, text) in enumerate(zip(states, texts, strict=True)):
        caches = [single.cache for single in state.stands_on]
        alone = state.law is None or None in caches
        key = k if alone else (type(state), state.law, *map(id, caches))
        groups.setdefault(key, []).append((state, text))
    for (first, text), *others in groups.values():
        first.push_with(text, others)


def draw_together(states: Sequence[ByteState], draws: Sequence[Draw]) -> list[bytes]:
    """Sample several continuations, each as far as it comes between two passes made for all.

    Args:
        states: one for each draw, after the empty text, with caches in common; they move along.
        draws: what to sample, each from its own prompt.

    Raises:
        ModelError: the model gives a prompt no mass, or returned NaN.
    """
    for state, draw in zip(states, draws, strict=True):
        state.push(draw.request.text)
    texts = [b""] * len(draws)
    running = {k: draw.run(states[k]) for k, draw in enumerate(draws)}
    while running:
        waiting = [k for k in running if not draws[k].is_ready(states[k])]
        for k in waiting:
            draws[k].prepare(states[k], 1 / len(waiting))
        evaluate_together([states[k] for k in waiting])
        for k, drawn in list(running.items()):
            for data in drawn:
                texts[k] += data
                if not draws[k].is_ready(states[k]):
                    break
            else:
                del running[k]
    return texts
