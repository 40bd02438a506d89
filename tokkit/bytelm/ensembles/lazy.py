"""`LazyEnsembleState`: members that would change nothing are asked later, several bytes at once.

While all members are asked, each one's *influence* is measured: the total variation between the
ensemble's row and the row without that member; in a text that is pushed at once, such as a prompt,
at its last bytes. A member whose influence stayed within the tolerance for `CALM_BYTES` bytes goes
to sleep (one always stays awake), for as many bytes as it has been calm, within bounds. Then it
scores what it missed, in one pass, which for a model on a processor costs a fraction of as many
single steps. The combination goes over those bytes once more, with all members, so that weights and
exponents are again what they would have been; what was drawn in between keeps the probability that
it had. If no row would have differed by more than the tolerance, the next sleep is twice as long;
else the bytes count as calm that came after the last row that would have.

A row of a sleeping stretch may differ by more than the tolerance: the measure is of the bytes
before. `largest_change` says by how much any did, as far as sleepers have caught up. A byte that
nobody who is awake can write, or an end of all their texts, wakes the sleepers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes
from tokkit.bytelm.byte_state import Bounds, ByteState
from tokkit.bytelm.ensembles.combination import Following, Step
from tokkit.bytelm.ensembles.fixed import FollowingMixture, no_mass
from tokkit.bytelm.ensembles.pooling import Rows
from tokkit.bytelm.ensembles.state import EnsembleState

CALM_BYTES = 16
SLEEP_BYTES = (16, 128)
"""The shortest sleep, and the longest."""


class LazyEnsembleState(EnsembleState):
    """The state of a `ByteEnsemble` with a tolerance.

    Attributes:
        largest_change: the largest total variation by which a row differed from that of all
            members, as far as is known.
    """

    def __init__(
        self, states: list[ByteState], following: Following[Any], law: object, tolerance: float
    ) -> None:
        """See `EnsembleState`; `tolerance` is a total variation."""
        super().__init__(states, following, law)
        self.largest_change = 0.0
        self._tolerance = tolerance
        self._calm = [0] * len(states)  # bytes without influence
        self._asleep: tuple[int, ...] = ()
        self._missed = b""  # by the sleepers, from the byte at which they fell asleep
        self._anchor: Following[Any] = following  # after that byte
        self._trail: tuple[tuple[Step, int], ...] = ()  # steps without them, and the bytes
        self._sleep_bytes = SLEEP_BYTES[0]

    @property
    def asleep(self) -> tuple[int, ...]:
        """The members that are not asked at present, by their places."""
        return self._asleep

    @property
    def _awake(self) -> list[ByteState]:
        return [state for k, state in enumerate(self._states) if k not in self._asleep]

    @property
    def stands_on(self) -> tuple[ByteState, ...]:
        """See `ByteState.stands_on`; of those that are asked."""
        return tuple(single for state in self._awake for single in state.stands_on)

    @property
    def shares(self) -> tuple[float, ...]:
        """See `EnsembleState.shares`; of those that are asked."""
        pairs = zip(self._shares, self._states, strict=True)
        awake = [pair for k, pair in enumerate(pairs) if k not in self._asleep]
        return tuple(weight * share for weight, state in awake for share in state.shares)

    @property
    def prefix_bytes(self) -> bytes | None:
        """See `EnsembleState.prefix_bytes`."""
        known = (state.prefix_bytes for state in self._awake)
        return next((prefix for prefix in known if prefix is not None), None)

    @property
    def is_evaluated(self) -> bool:
        """See `ByteState.is_evaluated`."""
        due = len(self._missed) > self._sleep_bytes
        return not due and all(state.is_evaluated for state in self._awake)

    @property
    def foretells(self) -> bool:
        """See `ByteState.foretells`; no, for each row decides about who is asked."""
        return False

    def bounds(self) -> Bounds | None:
        """See `ByteState.bounds`; none."""
        return None

    def _expected(self) -> Step:
        if len(self._missed) > self._sleep_bytes:
            self.wake()
        if self._step is None and self._asleep:
            step: Step = self._following.expect(self._rows_of_awake())
            if step.row.max() > -np.inf:
                self._step = step
            else:  # perhaps sleepers have some mass
                self.wake()
        return super()._expected()

    def _rows_of_awake(self) -> Rows:
        rows = iter(self._ask(lambda state: state.logprobs(), self._awake))
        return np.stack(
            [no_mass() if k in self._asleep else next(rows) for k in range(len(self._states))]
        )

    def member_logprobs(self) -> NDArray[np.float64]:
        """See `EnsembleState.member_logprobs`; wakes all."""
        self.wake()
        return super().member_logprobs()

    def member_prefix_logprobs(self) -> NDArray[np.float64]:
        """See `EnsembleState.member_prefix_logprobs`; wakes all."""
        self.wake()
        return super().member_prefix_logprobs()

    def push(self, data: str | bytes) -> None:
        """Add bytes."""
        data = as_bytes(data)
        if len(data) != 1:
            self._push_text(data)
            return
        step = self._expected()
        if self._asleep and step.row[data[0]] == -np.inf:  # perhaps a sleeper can write it
            self.wake()
            step = self._expected()
        if self._asleep:
            self._trail += ((step, data[0]),)
            self._missed += data
            self._following.push(step, data[0])
        else:
            self._measure(step)
            self._following.push(step, data[0])
            if step.rows[step.alive, data[0]].min(initial=0.0) > -np.inf:  # else one dies of it
                self._fall_asleep(step, data)
        self._step = None
        for state in self._awake:
            state.push(data)

    def push_with(self, data: bytes, others: Sequence[tuple[Any, bytes]]) -> None:
        """See `ByteState.push_with`; one after the other, for each has sleepers of its own."""
        ByteState.push_with(self, data, others)

    def steps(self, data: str | bytes) -> Iterator[tuple[Step, NDArray[np.float64]]]:
        """See `EnsembleState.steps`; wakes all."""
        self.wake()
        return super().steps(data)

    def _push_text(self, data: bytes) -> None:
        """Several bytes, which all members score."""
        self.wake()
        if isinstance(self._following, FollowingMixture) or not data:
            super().push(data)  # evaluates nothing
            return
        for left, (step, _) in zip(range(len(data), -1, -1), self.steps(data), strict=True):
            if 0 < left <= SLEEP_BYTES[1]:
                self._measure(step)
            elif not left:
                self._fall_asleep(step, b"")

    def _measure(self, step: Step) -> None:
        """Count for how many bytes each member has had no influence."""
        calm: list[int] = []
        for k, bytes_before in enumerate(self._calm):
            without = step.rows.copy()
            without[k] = -np.inf
            apart = variation(self._following.expect(without).row, step.row)
            calm.append(bytes_before + 1 if apart <= self._tolerance else 0)
        self._calm = calm

    def _fall_asleep(self, step: Step, missed: bytes) -> None:
        """Ask calm members no more.

        Args:
            step: the last that all were asked in.
            missed: the bytes that only the combination has been told.
        """
        calm = [k for k, n_bytes in enumerate(self._calm) if n_bytes >= CALM_BYTES]
        if len(calm) == len(self._calm):  # alike: the one with the largest say stays
            says: list[float] = self._following.shares(step).tolist()
            calm.remove(max(calm, key=lambda k: says[k]))
        if calm:
            self._asleep, self._missed = tuple(calm), missed
            self._anchor, self._trail = self._following.fork(), ()
            shortest, longest = SLEEP_BYTES
            self._sleep_bytes = max(shortest, min(longest, *(self._calm[k] for k in calm)))

    def wake(self) -> None:
        """Let the sleepers score what they missed, and the combination see it."""
        if not self._asleep:
            return
        sleepers = [self._states[k] for k in self._asleep]
        missed = self._ask(lambda state: state.score(self._missed), sleepers)
        n_before = len(self._missed) - len(self._trail)  # bytes before the first step without them
        following: Following[Any] = self._anchor.fork()
        calm = [self._calm[k] for k in self._asleep]
        for place, (step, byte) in enumerate(self._trail, n_before):
            rows = step.rows.copy()
            for k, of_sleeper in zip(self._asleep, missed, strict=True):
                rows[k] = of_sleeper[place]
            full: Step = following.expect(rows)
            change = variation(full.row, step.row)
            self.largest_change = max(self.largest_change, change)
            within = change <= self._tolerance
            calm = [n_bytes + 1 if within else 0 for n_bytes in calm]
            following.push(full, byte)
        following.log_total = self._following.log_total
        self._following, self._step = following, None
        kept = dict(zip(self._asleep, calm, strict=True))
        held = all(n_bytes >= len(self._trail) for n_bytes in calm)
        self._calm = [kept.get(k, n if held else 0) for k, n in enumerate(self._calm)]
        self._asleep, self._missed, self._trail = (), b"", ()

    def fork(self) -> Self:
        """An independent copy. Evaluates what is pending."""
        twin = super().fork()
        twin._anchor = self._anchor.fork()
        return twin


def variation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The total variation between two rows, float64 (257,), nats; 1 if just one has mass."""
    if (one.max() == -np.inf) != (other.max() == -np.inf):
        return 1.0
    return float(np.abs(np.exp(one) - np.exp(other)).sum()) / 2
