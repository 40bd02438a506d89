"""What automata share that are built as far as somebody asks: values, states, ways to the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from types import MethodType
from typing import Concatenate, Generic, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import UnsupportedError

S = TypeVar("S")
P = ParamSpec("P")
V = TypeVar("V")
K = TypeVar("K")

NOWHERE = -1


def memoized(method: Callable[Concatenate[S, P], V]) -> cached_property[Callable[P, V]]:
    """A method that remembers, as long as its object lives, what it gave for which arguments."""

    def bound(self: S) -> Callable[P, V]:
        return cast("Callable[P, V]", cache(MethodType(method, self)))

    bound.__doc__ = method.__doc__
    return cached_property(bound)


class States(Generic[K]):
    """The states of an automaton by number, in the order in which they are met.

    Attributes:
        keys: what each of them is.
    """

    def __init__(self, start: K) -> None:
        """Begin with the state 0."""
        self.keys = [start]
        self._index = {start: 0}

    def number(self, key: K) -> int:
        """The number of a state, known or new."""
        number = self._index.setdefault(key, len(self.keys))
        if number == len(self.keys):
            self.keys.append(key)
        return number


def tabulate(
    start: K,
    columns: Sequence[int],
    step: Callable[[K, int], tuple[K | None, int]],
    *,
    limit: int,
    what: str,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Explore every state of a machine.

    Args:
        start: the state 0.
        columns: the symbols that texts can hold, in ascending order.
        step: for a state and a symbol the state after it, or None, and what is put out.
        limit: at most so many states.
        what: needs them, for the message.

    Returns:
        int32 (states, columns[-1] + 1): the next states, `NOWHERE` where there is none, and what is
        put out.

    Raises:
        UnsupportedError: there are more states.
    """
    states = States(start)
    rows: list[NDArray[np.int32]] = []
    for state in states.keys:  # they grow while they are walked
        row = np.full((2, columns[-1] + 1), NOWHERE, dtype=np.int32)
        row[1] = 0
        for column in columns:
            following, row[1, column] = step(state, column)
            if following is not None:
                row[0, column] = states.number(following)
        rows.append(row)
        if len(states.keys) > limit:
            raise UnsupportedError(
                f"{what} needs more than {limit} automaton states; simplify its repeats"
            )
    next_state, output = np.stack(rows, axis=1)
    return next_state, output


def leads_to_end(
    state: K,
    onward: Callable[[K], Iterable[K]],
    may_end: Callable[[K], bool],
    known: dict[K, bool],
) -> bool:
    """Whether some continuation leads from a state to an end: a search that stops at the first.

    Args:
        state: where to begin.
        onward: the states after one more symbol.
        may_end: whether a state is an end, or is known to lead to one.
        known: what earlier searches found; what this one finds is added.
    """
    if state in known:
        return known[state]
    if may_end(state):
        known[state] = True
        return True
    seen = {state}
    queue = [state]
    for current in queue:  # it grows while it is walked
        for new in onward(current):
            if new in seen:
                continue
            if known.get(new) or may_end(new):
                known[state] = True
                return True
            seen.add(new)
            queue.append(new)
    known.update(dict.fromkeys(seen, False))
    return False
