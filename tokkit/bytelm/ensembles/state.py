"""`EnsembleState`: the states of the members, and the combination that follows the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import partial
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes
from tokkit.bytelm.byte_state import Bounds, ByteState, DrawProgress
from tokkit.bytelm.ensembles.combination import Following, Step
from tokkit.bytelm.ensembles.fixed import FollowingMixture
from tokkit.bytelm.side_by_side import Parts, side_by_side

T = TypeVar("T")


class EnsembleState(ByteState):
    """The state of a `ByteEnsemble`; made by `ByteEnsemble.open`."""

    def __init__(self, states: list[ByteState], following: Following[Any], law: object) -> None:
        """Start from the empty text.

        Args:
            states: of the members, after the empty text.
            following: the combination, at the empty text.
            law: see `ByteState.law`.
        """
        self._states = states
        self._following = following
        self._law = law
        self._step: Step | None = None  # of the next byte, once asked for
        self._shares = (1 / len(states),) * len(states)
        self._progress = DrawProgress()

    @property
    def members(self) -> tuple[ByteState, ...]:
        """The members' states, in the order of the ensemble."""
        return tuple(self._states)

    @property
    def stands_on(self) -> tuple[ByteState, ...]:
        """See `ByteState.stands_on`."""
        return tuple(single for state in self._states for single in state.stands_on)

    @property
    def shares(self) -> tuple[float, ...]:
        """See `ByteState.shares`; those of the last time that the next byte was asked for."""
        pairs = zip(self._shares, self._states, strict=True)
        return tuple(weight * share for weight, state in pairs for share in state.shares)

    @property
    def progress(self) -> DrawProgress:
        """See `ByteState.progress`."""
        return self._progress

    @property
    def prefix_bytes(self) -> bytes | None:
        """See `ByteState.prefix_bytes`; what any member knows."""
        known = (state.prefix_bytes for state in self._states)
        return next((prefix for prefix in known if prefix is not None), None)

    @property
    def law(self) -> object:
        """See `ByteState.law`; the members have their own."""
        return self._law

    @property
    def is_evaluated(self) -> bool:
        """See `ByteState.is_evaluated`."""
        return all(state.is_evaluated for state in self._states)

    @property
    def foretells(self) -> bool:
        """See `ByteState.foretells`; of a mixture, to whose masses each member adds its own."""
        is_mixture = isinstance(self._following, FollowingMixture)
        return is_mixture and all(state.foretells for state in self._states)

    def bounds(self) -> Bounds | None:
        """See `ByteState.bounds`."""
        if not isinstance(self._following, FollowingMixture):
            return None
        known: list[Bounds] = []
        for state in self._states:
            bounds = _exactly(state) if state.is_evaluated else state.bounds()
            if bounds is None:
                return None
            known.append(bounds)
        return self._following.bounds(known)

    @property
    def parts(self) -> Parts | None:
        """See `ByteState.parts`."""
        parts = [state.parts for state in self._states]
        known = [of_state for of_state in parts if of_state is not None]
        return sum(known, ()) if len(known) == len(parts) else None

    def _ask(
        self, question: Callable[[ByteState], T], states: Sequence[ByteState] | None = None
    ) -> list[T]:
        """Each member's answer, or that of some; those that share nothing work side by side."""
        asked = self._states if states is None else states
        tasks = [partial(question, state) for state in asked]
        return side_by_side(tasks, [state.parts for state in asked])

    def _evaluate(self) -> None:
        if not self.is_evaluated:
            self._ask(lambda state: state.logprobs())

    def _expected(self) -> Step:
        if self._step is not None:
            return self._step
        self._evaluate()
        if isinstance(self._following, FollowingMixture):
            self._following.know(self.member_prefix_logprobs())
        step: Step = self._following.expect(self.member_logprobs())
        self._step = step
        shares = np.maximum(self._following.shares(step), 0.0)
        self._shares = tuple((shares / (shares.sum() or 1.0)).tolist())
        return step

    def member_logprobs(self) -> NDArray[np.float64]:
        """float64 (n, 257), nats: each member's next byte."""
        self._evaluate()
        return np.stack([state.logprobs() for state in self._states])

    def member_prefix_logprobs(self) -> NDArray[np.float64]:
        """float64 (n,), nats: each member's log-probability of the prefix."""
        self._evaluate()
        return np.array([state.prefix_logprob for state in self._states])

    def posterior(self) -> NDArray[np.float64]:
        """float64 (n,): the say of each member in the next byte; 0 for the dead.

        For `mixture` and `switching` the probability that it speaks, for `mean` and `product` the
        given weights over the living, for `loglinear` the exponents, which may be negative; for
        `adaptive` the probability that it speaks and its part in the products. They sum to 1, but
        for exponents that were given with both signs.
        """
        return self._following.shares(self._expected())

    def logprobs(self) -> NDArray[np.float64]:
        """See `ByteState.logprobs`."""
        return self._expected().row

    def push(self, data: str | bytes) -> None:
        """Add bytes."""
        data = as_bytes(data)
        if isinstance(self._following, FollowingMixture):  # evaluates nothing, however many
            if len(data) > 1:
                self._ask(lambda state: state.push(data))
            else:
                for state in self._states:
                    state.push(data)
            self._step = None
        elif len(data) > 1:
            self.score(data)
        elif data:  # evaluates nothing new, so that several states may do so together
            self._following.push(self._expected(), data[0])
            for state in self._states:
                state.push(data)
            self._step = None

    def score(self, data: str | bytes) -> NDArray[np.float64]:
        """See `ByteState.score`."""
        return np.stack([step.row for step, _ in self.steps(data)])

    def steps(self, data: str | bytes) -> Iterator[tuple[Step, NDArray[np.float64]]]:
        """Push `data`, and yield what is expected at its len(data) + 1 positions.

        The members have moved on with the first of them, the state itself with the last.

        Yields:
            The step, and float64 (n,), the say of each member in it: see `posterior`.
        """
        data = as_bytes(data)
        if isinstance(self._following, FollowingMixture):
            self._following.know(self.member_prefix_logprobs())
        yield from self._follow(np.stack(self._ask(lambda state: state.score(data))), data)

    def _follow(
        self, rows: NDArray[np.float64], data: bytes
    ) -> Iterator[tuple[Step, NDArray[np.float64]]]:
        """See `steps`, once the members have scored `data`: rows (n, len(data) + 1, 257)."""
        self._step = None
        for k in range(len(data) + 1):
            step: Step = self._following.expect(rows[:, k])
            yield step, self._following.shares(step)
            if k < len(data):
                self._following.push(step, data[k])

    def push_with(self, data: bytes, others: Sequence[tuple[Any, bytes]]) -> None:
        """See `ByteState.push_with`; each member is asked once for all."""
        if isinstance(self._following, FollowingMixture):
            super().push_with(data, others)  # which asks nobody
            return
        pairs = [(self, data), *others]
        tasks = [
            partial(_scores, [(state._states[k], text) for state, text in pairs])
            for k in range(len(self._states))
        ]
        of_members = side_by_side(tasks, [state.parts for state in self._states])
        for (state, text), *rows in zip(pairs, *of_members, strict=True):
            for _ in state._follow(np.stack(rows), text):
                pass

    def fork(self) -> Self:
        """An independent copy. Evaluates what is pending."""
        self._evaluate()
        twin = copy(self)
        twin._states = [state.fork() for state in self._states]
        twin._following = self._following.fork()
        return twin

    @property
    def prefix_logprob(self) -> float:
        """Log-probability, nats, that a text starts with the prefix.

        But for `mixture`, the sum over the steps.
        """
        if isinstance(self._following, FollowingMixture):
            self._expected()
        return self._following.log_total


def _exactly(state: ByteState) -> Bounds:
    """What a state says that asks no model any more."""
    return Bounds(np.exp(state.logprobs()), 0.0, state.prefix_logprob)


def _scores(pairs: Sequence[tuple[ByteState, bytes]]) -> list[NDArray[np.float64]]:
    """What states of one member expected of their texts."""
    (first, text), *others = pairs
    return first.score_with(text, others)
