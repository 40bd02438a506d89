"""`CoverState`: the byte-level state over canonical encodings, which a `Cover` holds."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from copy import copy
from time import perf_counter
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes
from tokkit.bytelm.byte_state import Bounds, ByteState, DrawProgress
from tokkit.bytelm.encodings.context_limit import refuse_too_long
from tokkit.bytelm.encodings.cover import Cover
from tokkit.bytelm.encodings.evaluation import evaluate
from tokkit.bytelm.encodings.heads import Head, Tally
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.side_by_side import Parts, parts_of
from tokkit.bytelm.token_models.protocol import Node, Session
from tokkit.errors import TokkitError


class CoverState(ByteState):
    """The state of a `ByteLM`; made by `ByteLM.open`.

    Attributes:
        vocabulary: shared by all states of a model.
        session: the tree of contexts that the state grows in.
        cover: its heads.
        dropped_mass: the sum of the shares of the mass that `tolerance` dropped at each step. It
            bounds the total variation between the law of a text that is sampled so and the exact
            one; after bytes that someone else chose, a conditional distribution may be further off.
    """

    def __init__(
        self,
        vocabulary: ByteVocabulary,
        session: Session,
        start: Node,
        *,
        tolerance: float,
        given: bytes,
    ) -> None:
        """Start from the empty text.

        Args:
            vocabulary: shared by all states of a model.
            session: the tree of contexts to grow in.
            start: the context that the text begins after.
            tolerance: share of the mass that may be dropped at each step.
            given: bytes before the text that are a condition, not part of it.
        """
        self.vocabulary = vocabulary
        self.session = session
        self._tolerance = tolerance
        self._n_given = len(given)
        self._follows_ids = start is not session.root
        self.cover = Cover(vocabulary, session, start)
        self.cover.push(given)
        self._log_given: float | None = None if given else 0.0
        self._tally: Tally | None = None
        self.dropped_mass = 0.0
        self._progress = DrawProgress()
        self._has_dropped = False  # at the present length
        self._foreseen: list[Head] | None = None
        if given:
            self._log_given = self._evaluated().log_total

    @property
    def n_heads(self) -> int:
        """Heads that are alive."""
        return len(self.cover.live)

    def push(self, data: str | bytes) -> None:
        """Add bytes; the model runs when something is asked of the state."""
        data = as_bytes(data)
        if data:
            refuse_too_long(self.vocabulary, self, data)
            self.cover.push(data)
            self._tally = None
            self._has_dropped = False

    def logprobs(self) -> NDArray[np.float64]:
        """See `ByteState.logprobs`.

        Raises:
            ModelError: the model returned NaN.
        """
        return self._evaluated().logprobs()

    @property
    def prefix_logprob(self) -> float:
        """Log-probability, nats, that a text starts with the prefix."""
        total = self._evaluated().log_total
        assert self._log_given is not None
        return total - self._log_given

    def fork(self) -> Self:
        """An independent copy; the model's cache is shared.

        Evaluates what is pending, so that neither branch has to know what the other still needs.
        """
        self._evaluated()
        twin = copy(self)
        twin.cover = self.cover.fork()
        return twin

    def at(self, cover: Cover) -> Self:
        """The state after another text.

        Args:
            cover: of the text, in the same session and after the same condition.
        """
        twin = copy(self)
        twin.cover, twin._tally, twin._foreseen = cover, None, None
        twin._has_dropped, twin.dropped_mass = False, 0.0
        return twin

    @property
    def prefix_bytes(self) -> bytes | None:
        """See `ByteState.prefix_bytes`."""
        spelt = self.cover.spelt()
        return None if spelt is None or self._follows_ids else spelt[self._n_given :]

    @property
    def law(self) -> object:
        """See `ByteState.law`."""
        return self.vocabulary.law, self._tolerance

    @property
    def is_evaluated(self) -> bool:
        """See `ByteState.is_evaluated`."""
        return self._tally is not None or not self.pending()

    @property
    def cache(self) -> Session:
        """See `ByteState.cache`."""
        return self.session

    def evaluate_with(self, others: Sequence[Self]) -> None:
        """See `ByteState.evaluate_with`."""
        evaluate_states([self, *others])

    @property
    def parts(self) -> Parts:
        """See `ByteState.parts`."""
        return parts_of(self.vocabulary.token_lm)

    @property
    def progress(self) -> DrawProgress:
        """See `ByteState.progress`."""
        return self._progress

    @property
    def foretells(self) -> bool:
        """See `ByteState.foretells`; not with a tolerance, which must know all heads."""
        return self._tolerance == 0

    def bounds(self) -> Bounds | None:
        """See `ByteState.bounds`."""
        found = self.cover.bounds() if self.foretells else None
        if found is None or self._log_given is None:
            return None
        return found._replace(log_unit=found.log_unit - self._log_given)

    def pending(self) -> list[Head]:
        """Heads that the next question must evaluate, parents first."""
        return self.cover.pending()

    @property
    def foresees(self) -> bool:
        """Whether `foresee` has been called since the last evaluation."""
        return self._foreseen is not None

    def foresee(self, heads: Sequence[Head]) -> None:
        """Have heads evaluated in the next call that must be made in any case.

        Args:
            heads: of covers that grew from `cover.ahead()`, parents first.
        """
        self._foreseen = list(heads)

    def take_foreseen(self, pending: Container[Head]) -> Iterator[Head]:
        """The heads to evaluate beside those in `pending`; forgets them."""
        taken: set[Head] = set()
        for head in self._foreseen or ():
            parent = head.parent  # None where it has been evaluated
            # The parent may be among those that the tolerance has let go.
            if parent is None or parent.weights is not None or parent in pending or parent in taken:
                taken.add(head)
                yield head
        self._foreseen = None

    def drop_lightest(self) -> None:
        """Drop what the tolerance lets go, as far as the heads' masses are known already."""
        if self._tolerance > 0 and not self._has_dropped and len(self.cover.live) > 1:
            share = self.cover.drop(self._tolerance)
            self._has_dropped = share is not None
            self.dropped_mass += share or 0.0

    def _evaluated(self) -> Tally:
        if self._tally is None:
            evaluate_states([self])
            self.drop_lightest()
            self._tally = self.cover.tally()
        return self._tally

    def score(self, data: str | bytes) -> NDArray[np.float64]:
        """See `ByteState.score`; all heads of all positions are evaluated together."""
        return np.stack([tally.logprobs() for tally in self.tallies(as_bytes(data))])

    def score_with(
        self, data: bytes, others: Sequence[tuple[Self, bytes]]
    ) -> list[NDArray[np.float64]]:
        """See `ByteState.score_with`; one call of the model for all."""
        tallies = self._tallies_with(data, others)
        return [np.stack([tally.logprobs() for tally in of_state]) for of_state in tallies]

    def tallies(self, data: bytes) -> list[Tally]:
        """Push `data`; the masses of the next symbol at its len(data) + 1 positions."""
        return self._tallies_with(data, ())[0]

    def _tallies_with(self, data: bytes, others: Sequence[tuple[Self, bytes]]) -> list[list[Tally]]:
        """`tallies`, of this state and of others of its session and law; one call for all."""
        states, texts = zip((self, data), *others, strict=True)
        vocabulary, session = self.vocabulary, self.session
        for state, text in zip(states, texts, strict=True):
            refuse_too_long(vocabulary, state, text)
        everything = len(vocabulary.trie)
        queue: dict[Head, None] = {}
        # In the order of each text, so that sums are always of one order.
        walkers: dict[Head, list[tuple[int, tuple[int, int, int]]]] = {}
        tallies: list[list[Tally]] = []
        for k, (state, text) in enumerate(zip(states, texts, strict=True)):
            start = state.cover.length
            queue.update(dict.fromkeys(state.cover.pending()))
            own = {live.head: (live.low, live.high, start) for live in state.cover.live}
            fresh = state.cover.push(text)
            own.update({head: (0, everything, head.start) for head in fresh})
            queue.update(dict.fromkeys(fresh))
            for head, walker in own.items():
                walkers.setdefault(head, []).append((k, walker))
            tallies.append([Tally() for _ in range(len(text) + 1)])

        def walk(head: Head) -> None:
            for k, walker in walkers.get(head, ()):
                states[k]._walk(head, walker, texts[k], tallies[k])

        for head in walkers:
            if head not in queue:
                walk(head)
        for head in evaluate(vocabulary, session, [*queue], _ranges(states)):
            walk(head)
        for state, of_state in zip(states, tallies, strict=True):
            state._tally = of_state[-1]
        return tallies

    def _walk(
        self, head: Head, walker: tuple[int, int, int], data: bytes, tallies: list[Tally]
    ) -> None:
        """Add what one head contributes at every position that its tokens reach.

        Args:
            head: holds the probabilities of at least the tokens from `low` to `high`.
            walker: (low, high, position): the tokens that agree with the text up to `position`.
            data: the bytes that were pushed; `tallies[k]` stands before `data[k]`.
            tallies: to add to.
        """
        low, high, position = walker
        end = self.cover.length
        trie = self.vocabulary.trie
        while low < high:
            depth = position - head.start
            ahead = end - position
            tallies[len(data) - ahead].add_head(self.vocabulary, head, low, high, depth)
            if not ahead:
                break
            low, high = self.vocabulary.narrow(low, high, depth, data[-ahead])
            while low < high and trie.lengths[low] == depth + 1:
                low += 1  # these tokens lead to heads of their own
            position += 1


def _ranges(states: Sequence[CoverState]) -> dict[Head, tuple[int, int]]:
    """The sorted tokens of each head that one of some states still needs."""
    found: dict[Head, tuple[int, int]] = {}
    for state in states:
        for head, (low, high) in state.cover.ranges().items():
            others = found.get(head, (low, high))
            found[head] = (min(low, others[0]), max(high, others[1]))
    return found


def evaluate_states(states: Sequence[CoverState]) -> None:
    """Run the model once for everything that some states of one session lack."""
    pending: dict[Head, None] = {}
    for state in states:
        state.drop_lightest()
        pending.update(dict.fromkeys(state.pending()))
    keep = _ranges(states)
    if not pending:
        return
    vocabulary, session = states[0].vocabulary, states[0].session
    is_step = any(state.foresees for state in states)
    foreseen: dict[Head, None] = {}
    for state in states:
        foreseen.update(dict.fromkeys(state.take_foreseen(pending)))
    foreseen = {head: None for head in foreseen if head not in pending}
    keep_all = {**keep, **dict.fromkeys(foreseen, (0, len(vocabulary.trie)))}
    queue = [*pending, *foreseen]
    began = perf_counter()
    try:
        for _ in evaluate(vocabulary, session, queue, keep_all):
            pass
    except TokkitError:
        if not foreseen:
            raise
        # What cannot be evaluated may be a context that the text never comes to.
        vocabulary.costs.fail()
        for _ in evaluate(vocabulary, session, [h for h in pending if h.weights is None], keep):
            pass
    if is_step:  # not a prompt
        vocabulary.costs.add(len(queue), perf_counter() - began)
