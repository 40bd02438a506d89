"""Fill a gap with any byte-level model, by Bayes' rule: `search_middles`.

Of the texts that begin with the prefix and have the suffix after the gap, the middle m is

    P(m | prefix, suffix) = P(m + suffix | prefix) / sum over m' of P(m' + suffix | prefix)

and a causal model computes the numerator. No format and no training is needed; what is needed is to
find the middles that matter:

1. *Proposals*: texts drawn without replacement (`tokkit.bytelm.completion.proposals`), so that with
   room enough they are all texts that there are. Half of them after the prefix; half *twisted*:
   after the suffix, a newline and the prefix, for a model that has read what comes later writes
   what leads there. Each beginning of a proposal is a candidate. A text that has become far less
   probable than the best candidate is left, so that most are short.
2. *Joins*: candidates are ranked by their own probability where they were proposed, with that of
   the suffix's first byte. The best go on, after the prefix alone, by the first bytes of the
   suffix, then fewer of them by more; what is left is joined with all of it. Both the join so far
   and the rank at first say who goes on: a name that the suffix uses later is improbable until
   then, and only the twisted proposal has seen that it comes. Up to here, heads of light encodings
   are dropped (`tolerance`); the last joins are exact.

All texts of a model grow in one session, so no context is read twice, and states are evaluated
together.

What is found is exact for each middle (the joint log-probability of middle and suffix), and the
posterior is that over the middles that were found. It is the posterior over all middles of at most
`max_bytes` bytes where the search was complete, which small models allow and large ones do not.

The law is likelihood times prior, and the prior is the model's own: it favours short middles, since
each byte costs something. `length_bonus` weighs that up. Of the suffix only the beginning counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tokkit.arguments import MAX_BYTES, as_bytes, check_real, check_whole, refuse_single_text
from tokkit.bytelm.batch.sharing import with_shared_sessions
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel, check_model
from tokkit.bytelm.byte_state import END, ByteState
from tokkit.bytelm.completion.proposals import Proposals, explore
from tokkit.bytelm.drawing.draw import check_mass
from tokkit.bytelm.drawing.sampling import Sampler, Sampling
from tokkit.bytelm.drawing.together import evaluate_together, push_together
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.errors import ModelError

T = TypeVar("T")

DEFAULT_BUDGET = 230
SUFFIX_BYTES = 96
"""How much of the suffix counts."""
_STAGES = ((16, 20, 18.0), (48, 50, 9.0))
"""Bytes of the suffix that candidates go on by, which part of the budget so many may be, and the
nats that those which go on may be behind the best."""
_MARGIN = 9.0
"""Nats that a proposal may be behind the best candidate and go on."""
_TWIST_BYTES = 160
"""How much of the prefix stands after the suffix in a twisted proposal."""
_WALKERS = 12
_AT_ONCE = 32
_ROUGH = 0.3
"""Tolerance of proposals."""


@dataclass(frozen=True, slots=True)
class Middle:
    """What may stand in the gap.

    Attributes:
        data: the bytes.
        logprob: nats, of the middle and the suffix, given the prefix.
        share: of the posterior, over the middles that were found.
    """

    data: bytes
    logprob: float
    share: float


@dataclass(frozen=True, slots=True)
class Middles:
    """What a search has found.

    Attributes:
        found: the middles whose join with the suffix was computed, the best first.
        passes: how often the model was asked about a text.
        complete: whether these are all middles of at most `max_bytes` bytes that have any mass.
    """

    found: tuple[Middle, ...]
    passes: int
    complete: bool

    def draw(self, *, temperature: float = 1.0, seed: int | None = None) -> bytes:
        """A middle by its share; at temperature 0 the best one.

        Args:
            temperature: shares to the power of 1 / temperature; at least 0.
            seed: makes it reproducible.

        Raises:
            ArgumentError: the temperature is negative or no number.
        """
        sampler = Sampler(Sampling(temperature=temperature), seed=seed)
        with np.errstate(divide="ignore"):
            logs = np.log([middle.share for middle in self.found])
        return self.found[sampler.draw(logs)].data


def search_middles(
    lm: ByteModel,
    prefix: str | bytes,
    suffix: str | bytes,
    *,
    max_bytes: int,
    budget: int | None = None,
    candidates: Iterable[str | bytes] = (),
    length_bonus: float = 0.0,
    suffix_bytes: int = SUFFIX_BYTES,
    seed: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Middles:
    """The most probable middles that a search finds.

    Args:
        lm: any byte-level model, ensembles included.
        prefix: before the gap; may end inside a word or a character.
        suffix: after it; may begin inside one. `b""` says that nothing follows.
        max_bytes: of a middle, at most.
        budget: passes, at least 8: a text that is asked about, a place in a proposal or a
            candidate with some of the suffix, is one. 230 by default.
        candidates: middles to consider besides those that are proposed, such as what a format
            gives; longer ones than `max_bytes` are left out.
        length_bonus: nats that each byte of a middle is worth: the logarithm of a prior that grows
            by that factor with each byte.
        suffix_bytes: at most so many bytes of the suffix count, at least 1.
        seed: of the proposals.
        progress: called with the passes so far, before each call of the model at least; what it
            raises ends the search.

    Raises:
        ArgumentError: an option out of range.
        ModelError: the model gives the prefix no mass, or none to any join that was tried.
    """
    check_model(lm)
    check_whole("max_bytes", max_bytes, 0, MAX_BYTES)
    budget = DEFAULT_BUDGET if budget is None else check_whole("budget", budget, 8)
    check_real("length_bonus", length_bonus)
    check_whole("suffix_bytes", suffix_bytes, 1)
    refuse_single_text(candidates, "candidates")
    extra = [as_bytes(candidate) for candidate in candidates]
    search = _Search(
        with_shared_sessions(lm, {}, keep=True),
        as_bytes(prefix),
        as_bytes(suffix)[:suffix_bytes],
        length_bonus,
        budget,
        progress,
    )
    ranked, complete = search.propose(max_bytes, seed)
    best = max(ranked.values(), default=0.0)
    chosen = {data: best for data in extra if len(data) <= max_bytes}
    chosen |= {data: score for data, score in ranked.items() if data not in chosen}
    few = complete and len(chosen) <= max(1, budget - search.passes)
    last = list(chosen) if few else search.screen(chosen)
    return Middles(tuple(search.join(last)), search.passes, complete and len(last) == len(chosen))


def roughly(lm: ByteModel) -> ByteModel:
    """The same model, or nearly: with a tolerance of at least `_ROUGH`, where it may have one."""
    if isinstance(lm, ByteLM):
        return lm if lm.bound else lm.with_tolerance(max(lm.tolerance, _ROUGH))
    if isinstance(lm, ByteEnsemble):
        members = [roughly(member) for member in lm.members]
        return ByteEnsemble(
            members, weights=lm.weights.tolist(), combine=lm.combination, tolerance=lm.tolerance
        )
    return lm


class _Search:
    """One gap that is being filled.

    Attributes:
        passes: that were used.
    """

    def __init__(
        self,
        lm: ByteModel,
        prefix: bytes,
        suffix: bytes,
        length_bonus: float,
        budget: int,
        progress: Callable[[int], object] | None,
    ) -> None:
        self._lm, self._prefix, self._suffix = lm, prefix, suffix
        self._bonus, self._budget, self._progress = length_bonus, budget, progress
        self.passes = 0
        self._tell()
        self._start = lm.open(prefix)
        self._ask([self._start])
        check_mass(self._start.logprobs(), lm.name)
        self._given = self._start.prefix_logprob
        self._states: dict[bytes, ByteState] = {}  # rough ones, after prefix and candidate

    def propose(self, max_bytes: int, seed: int | None) -> tuple[dict[bytes, float], bool]:
        """Candidates with their scores, the best first, and whether there are no others."""
        rngs = np.random.default_rng(seed).spawn(3)
        rough = roughly(self._lm)
        self._rough_start = rough.open(self._prefix)
        starts = [self._rough_start, *self._twisted(rough)]
        sources = [
            Proposals(start, self._suffix, max_bytes, rng, _MARGIN)
            for start, rng in zip(starts, rngs, strict=False)
        ]
        most = min(self._budget * 4 // 5, self._budget - self.passes - 2)
        used = explore(sources, most, _WALKERS, self._ask)
        exact = Proposals(self._start, self._suffix, max_bytes, rngs[2])
        if sources[0].exhausted and used < most:  # perhaps all texts can be told
            explore([exact], most - used, _WALKERS, self._ask)
            sources.append(exact)
        scores: dict[bytes, float] = {}
        for source in sources:
            for data, score in source.scores().items():
                scores[data] = max(score + self._bonus * len(data), scores.get(data, -np.inf))
        self._states = {data: place.state for data, place in sources[0].places.items()}
        return best_first(scores), exact.exhausted and not exact.stopped

    def _twisted(self, rough: ByteModel) -> list[ByteState]:
        """After the suffix and the prefix; nothing where the model cannot say the suffix."""
        if not self._suffix:
            return []
        self._tell()
        state = rough.open(whole_characters(self._suffix) + b"\n" + self._prefix[-_TWIST_BYTES:])
        self._ask([state])
        return [state] if state.logprobs().max() > -np.inf else []

    def screen(self, ranks: dict[bytes, float]) -> list[bytes]:
        """What is left of the candidates when the beginning of the suffix has been asked for.

        Args:
            ranks: nats, of the candidates where they were proposed, the best first.
        """
        least = max(2, self._budget // _STAGES[-1][1])
        left, done = list(ranks), 0
        for n_bytes, part, margin in _STAGES:
            most = min(max(least, self._budget // part), self._budget - self.passes - least)
            tail = self._suffix[done:n_bytes]
            if most > 0 and tail:
                joins = self._go_on(left[:most], tail)
                done = n_bytes
                scores = {data: join + ranks[data] for data, join in joins.items()}
                worst = max(scores.values()) - margin
                left = [d for d in best_first(scores) if scores[d] >= worst]
        return left[: max(1, min(least, self._budget - self.passes))]

    def _go_on(self, chosen: list[bytes], tail: bytes) -> dict[bytes, float]:
        """Nats of candidates with so much more of the suffix, after the prefix."""
        known = [self._states.get(data, self._rough_start) for data in chosen]
        states = {data: state.fork() for data, state in zip(chosen, known, strict=True)}
        rests = [tail if data in self._states else data + tail for data in chosen]
        self._push(list(states.values()), rests)
        self._states = states
        return {d: state.prefix_logprob + self._bonus * len(d) for d, state in states.items()}

    def _push(self, states: Sequence[ByteState], texts: Sequence[bytes]) -> None:
        """Add bytes to states, and evaluate what the next question to them needs."""
        for group in batched([*zip(states, texts, strict=True)], _AT_ONCE):
            self._tell()
            push_together([state for state, _ in group], [text for _, text in group])
        self._ask(states)

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.passes)

    def _ask(self, states: Sequence[ByteState]) -> None:
        """Evaluate what the next question to some states needs."""
        for group in batched(states, _AT_ONCE):
            self._tell()
            evaluate_together(group)
            self.passes += len(group)

    def join(self, chosen: Sequence[bytes]) -> list[Middle]:
        """Middles with their exact joins, the best first.

        Raises:
            ModelError: none has any mass.
        """
        states = [self._start.fork() for _ in chosen]
        self._push(states, [data + self._suffix for data in chosen])
        joints = np.array([state.prefix_logprob - self._given for state in states])
        if not self._suffix:
            joints += [float(state.logprobs()[END]) for state in states]
        if joints.max() == -np.inf:
            raise ModelError(
                f"{self._lm.name} gives no middle that was found any mass together with the "
                "suffix; allow more bytes or a larger budget, or use another model"
            )
        posterior = joints + self._bonus * np.array([len(data) for data in chosen])
        posterior -= np.logaddexp.reduce(posterior)
        order: list[int] = np.argsort(-posterior, kind="stable").tolist()
        return [
            Middle(chosen[k], float(joints[k]), float(np.exp(posterior[k])))
            for k in order
            if joints[k] > -np.inf
        ]


def best_first(scores: dict[bytes, float]) -> dict[bytes, float]:
    """The same, in falling order."""
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def batched(states: Sequence[T], n: int) -> Iterator[Sequence[T]]:
    """So many at a time."""
    return (states[start : start + n] for start in range(0, len(states), n))


def whole_characters(data: bytes) -> bytes:
    """`data` without the beginning of a character at its end."""
    for n_bytes in range(1, min(4, len(data) + 1)):
        if data[-n_bytes] >= 0xC0:
            n_needed = 2 + (data[-n_bytes] >= 0xE0) + (data[-n_bytes] >= 0xF0)
            return data[:-n_bytes] if n_bytes < n_needed else data
    return data
