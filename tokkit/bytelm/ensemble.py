"""Ensembles of byte-level models, whatever tokenizers stand behind them.

Three ways to combine n models with weights w:

- `mixture`: P(x) = sum_i w_i P_i(x), the true mixture. Its next byte is the average of the members'
  under the *posterior* weights, which follow the evidence: w_i P_i(x), normalised.
- `mean`: the average of the next-byte distributions under the fixed weights, at each step.
- `product`: their geometric mean, renormalised at each step (a product of experts).

A member that gives the text so far no mass has no next byte to offer: it drops out, and the others
go on. A byte that a living member cannot produce gets zero from that member; in a product that
means zero altogether.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes, check_kind, check_name
from tokkit.bytelm.byte_model import ByteModel, check_model
from tokkit.bytelm.byte_state import N_SYMBOLS, ByteState
from tokkit.bytelm.side_by_side import Parts, side_by_side
from tokkit.errors import ArgumentError

Combine = Literal["mixture", "mean", "product"]
COMBINATIONS: tuple[Combine, ...] = ("mixture", "mean", "product")
T = TypeVar("T")


def combine_rows(
    rows: NDArray[np.float64],
    log_weights: NDArray[np.float64],
    log_evidence: NDArray[np.float64],
    combine: Combine,
) -> NDArray[np.float64]:
    """Next-byte log-probabilities of the ensemble.

    Args:
        rows: float64 (n, 257), the members' next-byte log-probabilities, nats.
        log_weights: float64 (n,).
        log_evidence: float64 (n,), the members' log-probabilities of the text so far.
        combine: how.

    Returns:
        float64 (257,); all minus infinity if no member lives, or the product is empty.
    """
    weights = log_weights + (log_evidence if combine == "mixture" else 0.0)
    alive = (rows.max(axis=1) > -np.inf) & (log_evidence > -np.inf) & (log_weights > -np.inf)
    if not alive.any():
        return np.full(N_SYMBOLS, -np.inf)
    weights = weights[alive] - np.logaddexp.reduce(weights[alive])
    if combine == "product":
        pooled = np.exp(weights) @ rows[alive]
        total = float(np.logaddexp.reduce(pooled))
        return pooled - total if total > -np.inf else pooled
    weighted = weights[:, None] + rows[alive]
    top = weighted.max(axis=0)
    top[top == -np.inf] = 0.0
    with np.errstate(divide="ignore"):
        return top + np.log(np.exp(weighted - top).sum(axis=0))


class EnsembleState(ByteState):
    """The state of a `ByteEnsemble`; made by `ByteEnsemble.open`."""

    def __init__(
        self, states: list[ByteState], log_weights: NDArray[np.float64], combine: Combine
    ) -> None:
        """Start from the empty text.

        Args:
            states: of the members, after the empty text.
            log_weights: float64 (n,).
            combine: how.
        """
        self._states = states
        self._log_weights = log_weights
        self._combine: Combine = combine
        self._log_total = 0.0  # of `mean` and `product`, which have no joint but step by step

    @property
    def members(self) -> tuple[ByteState, ...]:
        """The members' states, in the order of the ensemble."""
        return tuple(self._states)

    @property
    def stands_on(self) -> tuple[ByteState, ...]:
        """See `ByteState.stands_on`."""
        return tuple(single for state in self._states for single in state.stands_on)

    @property
    def prefix_bytes(self) -> bytes | None:
        """See `ByteState.prefix_bytes`; what any member knows."""
        known = (state.prefix_bytes for state in self._states)
        return next((prefix for prefix in known if prefix is not None), None)

    @property
    def law(self) -> object:
        """See `ByteState.law`; the members have their own."""
        return self._combine, *self._log_weights.tolist()

    @property
    def is_evaluated(self) -> bool:
        """See `ByteState.is_evaluated`."""
        return all(state.is_evaluated for state in self._states)

    @property
    def parts(self) -> Parts | None:
        """See `ByteState.parts`."""
        parts = [state.parts for state in self._states]
        known = [of_state for of_state in parts if of_state is not None]
        return sum(known, ()) if len(known) == len(parts) else None

    def _ask(self, question: Callable[[ByteState], T]) -> list[T]:
        """Each member's answer; members that share nothing find theirs at the same time."""
        tasks = [partial(question, state) for state in self._states]
        return side_by_side(tasks, [state.parts for state in self._states])

    def _evaluate(self) -> None:
        if not self.is_evaluated:
            self._ask(lambda state: state.logprobs())

    def member_logprobs(self) -> NDArray[np.float64]:
        """float64 (n, 257), nats: each member's next byte."""
        self._evaluate()
        return np.stack([state.logprobs() for state in self._states])

    def member_prefix_logprobs(self) -> NDArray[np.float64]:
        """float64 (n,), nats: each member's log-probability of the prefix."""
        self._evaluate()
        return np.array([state.prefix_logprob for state in self._states])

    def posterior(self) -> NDArray[np.float64]:
        """float64 (n,): the weight of each member for the next byte.

        For `mixture`, what the evidence says; else the given weights, over the living members.
        """
        evidence = self.member_prefix_logprobs()
        if self._combine != "mixture":
            evidence = np.where(evidence > -np.inf, 0.0, -np.inf)
        weights = self._log_weights + evidence
        total = np.logaddexp.reduce(weights)
        return np.exp(weights - total) if total > -np.inf else np.zeros(len(weights))

    def logprobs(self) -> NDArray[np.float64]:
        """See `ByteState.logprobs`."""
        return combine_rows(
            self.member_logprobs(), self._log_weights, self.member_prefix_logprobs(), self._combine
        )

    def push(self, data: str | bytes) -> None:
        """Add bytes."""
        data = as_bytes(data)
        if len(data) > 1 and self._combine == "mixture":
            self._ask(lambda state: state.push(data))
        elif len(data) > 1:
            self.score(data)
        elif data:  # evaluates nothing new, so that several states may do so together
            if self._combine != "mixture":
                self._log_total += float(self.logprobs()[data[0]])
            for state in self._states:
                state.push(data)

    def score(self, data: str | bytes) -> NDArray[np.float64]:
        """See `ByteState.score`."""
        data = as_bytes(data)
        evidence = self.member_prefix_logprobs()
        rows = np.stack(self._ask(lambda state: state.score(data)))
        combined = np.empty(rows.shape[1:])
        for k in range(len(data) + 1):
            combined[k] = combine_rows(rows[:, k], self._log_weights, evidence, self._combine)
            if k < len(data):
                evidence = evidence + rows[:, k, data[k]]
                self._log_total += float(combined[k, data[k]])
        return combined

    def fork(self) -> Self:
        """An independent copy. Evaluates what is pending."""
        self._evaluate()
        twin = type(self)([s.fork() for s in self._states], self._log_weights, self._combine)
        twin._log_total = self._log_total
        return twin

    @property
    def prefix_logprob(self) -> float:
        """Log-probability, nats, that a text starts with the prefix.

        For `mean` and `product`, the sum over the steps.
        """
        if self._combine != "mixture":
            return self._log_total
        return float(np.logaddexp.reduce(self._log_weights + self.member_prefix_logprobs()))


class ByteEnsemble(ByteModel):
    """Several byte-level models as one; members may be ensembles themselves."""

    def __init__(
        self,
        members: Sequence[ByteModel],
        *,
        weights: Sequence[float] | None = None,
        combine: Combine = "mixture",
        name: str | None = None,
    ) -> None:
        """Put models together.

        Args:
            members: at least one.
            weights: one for each member, not negative, of positive sum; equal by default.
            combine: see the module.
            name: for tables.

        Raises:
            ArgumentError: weights that do not fit, no members, or an unknown combination.
        """
        check_kind(members, Iterable, "members", "pass a list of models")
        check_name(name)
        self.members = tuple(members)
        if not self.members:
            raise ArgumentError("an ensemble needs at least one member, got none")
        if combine not in COMBINATIONS:
            raise ArgumentError(f"combine must be one of {COMBINATIONS}, got {combine!r}")
        for member in self.members:
            check_model(member)
        self.combine: Combine = combine
        self.weights = _normalised(weights, len(self.members))
        self.name = name or f"{combine} of {', '.join(member.name for member in self.members)}"

    def open(self, prefix: str | bytes = b"") -> EnsembleState:
        """A state after `prefix`."""
        states = [member.open() for member in self.members]
        state = EnsembleState(states, self._log_weights, self.combine)
        state.push(prefix)
        return state

    @property
    def _log_weights(self) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            return np.log(self.weights)

    @property
    def law(self) -> object:
        """See `ByteModel.law`; the members have their own."""
        return self.combine, *self._log_weights.tolist()

    def may_have_opened(self, state: ByteState) -> bool:
        """See `ByteModel.may_have_opened`."""
        parts = state.members if isinstance(state, EnsembleState) else ()
        asked = zip(self.members, parts, strict=False)
        return super().may_have_opened(state) and all(m.may_have_opened(part) for m, part in asked)


def _normalised(weights: Sequence[float] | None, n: int) -> NDArray[np.float64]:
    if weights is None:
        return np.full(n, 1 / n)
    try:
        array = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"weights must be numbers, one a member; got {weights!r:.60}") from None
    if array.shape != (n,):
        raise ArgumentError(f"got {array.size} weights for {n} members; give one for each")
    if not np.isfinite(array).all() or (array < 0).any() or not array.any():
        raise ArgumentError(
            f"weights must be finite and not negative, with a positive sum; got {list(weights)}"
        )
    scaled = np.ldexp(array, -np.frexp(array.max())[1])  # by a power of two: the sum is finite
    shares = scaled / scaled.sum()
    if (shares == 0).tolist() != (array == 0).tolist():
        raise ArgumentError(
            f"weights differ by more than a float can hold, got {list(weights)}; give 0 to a "
            "member that is to be left out"
        )
    return shares
