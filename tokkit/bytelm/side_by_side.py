"""Several models at work at the same time: `side_by_side`.

torch lets go of Python's lock while it computes, and a request to a server only waits, so members
of an ensemble need not wait for one another. Each task names its *parts*, the objects that only one
thread at a time may use: a token model, its tokenizer (whose automaton grows as it is asked), the
network under it. Tasks with a part in common are done in turn, in one thread; the others at the
same time. A model that computes under Python's lock, or with as many threads as there are
processors, gains nothing, and names `CALLER` among its parts: the thread that asks.

Threads live as long as a call: beside a forward pass they cost nothing that can be measured, and
none is left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Thread
from typing import TypeAlias, TypeVar

from tokkit.bytelm.token_models.protocol import TokenLM

CALLER = object()
"""The thread that asks, as a part."""

Parts: TypeAlias = tuple[object, ...]
T = TypeVar("T")


def parts_of(token_lm: TokenLM) -> Parts:
    """What a call of a token model uses.

    A model says by `runs_alongside` (a bool) that it leaves Python's lock and a processor to others
    while it computes, and by `shared_parts` (objects) what else it may share with another model.
    """
    parts = (token_lm, token_lm.tokenizer, *getattr(token_lm, "shared_parts", ()))
    return parts if getattr(token_lm, "runs_alongside", False) else (*parts, CALLER)


def side_by_side(tasks: Sequence[Callable[[], T]], parts: Sequence[Parts | None]) -> list[T]:
    """The results of tasks, some of which run at the same time.

    Args:
        tasks: to run.
        parts: of each task; if one of them is not known (None), all are done in turn.

    Returns:
        In the order of the tasks.

    Raises:
        Exception: what a task raised, once all threads are done; of several, that of the first.
    """
    known = [of_task for of_task in parts if of_task is not None]
    groups = _groups(known) if len(known) == len(tasks) else [list(range(len(tasks)))]
    results: dict[int, T] = {}
    failures: dict[int, BaseException] = {}

    def run(group: Sequence[int]) -> None:
        """One task after the other, up to the first that fails."""
        for k in group:
            try:
                results[k] = tasks[k]()
            except BaseException as error:
                failures[k] = error
                return

    # What must stay in this thread does; if nothing must, one of the groups may.
    home = max(groups, key=lambda group: _is_home(group, parts), default=list[int]())
    threads = [
        Thread(target=copy_context().run, args=(run, group), name="tokkit-member")
        for group in groups
        if group is not home
    ]
    for thread in threads:
        thread.start()
    try:
        run(home)
    finally:
        for thread in threads:
            thread.join()
    if failures:
        raise failures[min(failures)]
    return [results[k] for k in range(len(tasks))]


def _groups(parts: Sequence[Parts]) -> list[list[int]]:
    """Indices of tasks that are connected by parts in common, ascending, the first ones first."""
    groups: list[tuple[list[int], set[int]]] = []
    for k, of_task in enumerate(parts):
        members, used = [k], set(map(id, of_task))
        for group in [group for group in groups if group[1] & used]:
            groups.remove(group)
            members, used = group[0] + members, used | group[1]
        groups.append((sorted(members), used))
    return sorted(members for members, _ in groups)


def _is_home(group: Sequence[int], parts: Sequence[Parts | None]) -> bool:
    return any(CALLER in (parts[k] or ()) for k in group)
