"""`ByteLM`: a language model over tokens, looked through as a distribution over bytes.

The semantics is *canonical*: the token model with every next token masked out that no canonical
encoding could continue with, and renormalised. It gives no mass to sequences that the tokenizer
never produces; the Byte-Token Representation Lemma (Phan et al., ICLR 2025) then holds exactly,
and so does the chain rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_model import ByteModel, ByteState, as_bytes
from tokkit.bytelm.cover import (
    ByteVocabulary,
    Cover,
    Head,
    LiveHead,
    Tally,
    evaluate,
    symbol_masses,
)
from tokkit.bytelm.protocol import Session, TokenLM, open_session
from tokkit.errors import ArgumentError, ModelError

Encodings = Literal["canonical"]


class CoverState(ByteState):
    """The state of a `ByteLM`; made by `ByteLM.open`.

    Attributes:
        dropped_mass: bound on the total variation that `tolerance` has caused so far: the sum of
            the shares of the mass that were dropped at each step.
    """

    def __init__(
        self, vocabulary: ByteVocabulary, session: Session, tolerance: float, given: bytes
    ) -> None:
        """Args:
        vocabulary: shared by all states of a model.
        session: the tree of contexts to grow in.
        tolerance: share of the mass that may be dropped at each step.
        given: bytes before the text that are a condition, not part of it.
        """
        self._vocabulary = vocabulary
        self._session = session
        self._tolerance = tolerance
        self._cover = Cover(vocabulary, session)
        self._cover.push(given)
        self._log_given: float | None = None if given else 0.0
        self._tally: Tally | None = None
        self.dropped_mass = 0.0
        if given:
            self._log_given = self._evaluated().log_total

    @property
    def n_heads(self) -> int:
        """Heads that are alive."""
        return len(self._cover.live)

    def push(self, data: str | bytes) -> None:
        """Add bytes; the model runs when something is asked of the state."""
        data = as_bytes(data)
        if data:
            self._cover.push(data)
            self._tally = None

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
        """An independent copy; the model's cache is shared."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._cover = self._cover.fork()
        return twin

    def pending(self) -> list[Head]:
        """Heads that the next question must evaluate, parents first."""
        return self._cover.pending()

    def _evaluated(self) -> Tally:
        if self._tally is None:
            evaluate_states([self])
            if self._tolerance > 0 and len(self._cover.live) > 1:
                self.dropped_mass += self._cover.drop(self._tolerance)
            self._tally = self._cover.tally()
        return self._tally

    def score(self, data: str | bytes) -> NDArray[np.float64]:
        """See `ByteState.score`; all heads of all positions are evaluated together."""
        return np.stack([tally.logprobs() for tally in self._score(as_bytes(data))])

    def _score(self, data: bytes) -> list[Tally]:
        first = self._cover.length
        walkers = [(live.head, live.low, live.high, first) for live in self._cover.live]
        unevaluated = self._cover.pending()
        fresh = self._cover.push(data)
        everything = len(self._vocabulary.trie)
        walkers += [(head, 0, everything, head.start) for head in fresh]
        tallies = [Tally() for _ in range(len(data) + 1)]
        queue = {head: None for head in [*unevaluated, *fresh]}
        done = evaluate(self._vocabulary, self._session, list(queue))
        live = {head.head: head for head in self._cover.live}
        children: dict[Head, list[Head]] = {}
        for head in fresh:
            assert head.parent is not None
            children.setdefault(head.parent, []).append(head)
        evaluated_before = [walker for walker in walkers if walker[0] not in queue]
        walker_of = {walker[0]: walker for walker in walkers}
        for walker in evaluated_before:
            self._walk(walker, data, first, tallies)
        for head in done:
            if head in walker_of:
                self._walk(walker_of[head], data, first, tallies)
            for child in children.get(head, ()):
                child.weigh()
            self._release(head, live.get(head))
        self._tally = tallies[-1]
        return tallies

    def _walk(
        self, walker: tuple[Head, int, int, int], data: bytes, first: int, tallies: list[Tally]
    ) -> None:
        """Add what one head contributes at every position that its tokens reach."""
        head, low, high, position = walker
        trie = self._vocabulary.trie
        while low < high:
            depth = position - head.start
            tallies[position - first].add(
                head.log_weight, symbol_masses(self._vocabulary, head, low, high, depth)
            )
            if position - first == len(data):
                break
            low, high = self._vocabulary.narrow(low, high, depth, data[position - first])
            while low < high and trie.lengths[low] == depth + 1:
                low += 1  # these tokens lead to heads of their own
            position += 1

    @staticmethod
    def _release(head: Head, live: LiveHead | None) -> None:
        """Keep only the probabilities that can still be asked for."""
        low, high = (live.low, live.high) if live else (0, 0)
        head.probabilities = head.mass(low, high).copy()
        head.low = low


def evaluate_states(states: Sequence[CoverState]) -> None:
    """Run the model once for everything that some states of one session lack."""
    pending = {head: None for state in states for head in state.pending()}
    if not pending:
        return
    vocabulary, session = states[0]._vocabulary, states[0]._session
    ranges: dict[Head, tuple[int, int]] = {}
    for state in states:
        for live in state._cover.live:
            low, high = ranges.get(live.head, (live.low, live.high))
            ranges[live.head] = (min(low, live.low), max(high, live.high))
    children: dict[Head, list[Head]] = {}
    for head in pending:
        if head.parent is not None and np.isnan(head.log_weight):
            children.setdefault(head.parent, []).append(head)
    for head in evaluate(vocabulary, session, list(pending)):
        for child in children.get(head, ()):
            child.weigh()
        low, high = ranges.get(head, (0, 0))
        head.probabilities = head.mass(low, high).copy()
        head.low = low


class ByteLM(ByteModel):
    """The canonical byte-level distribution of a token model.

    Args of the constructor:
        token_lm: any `TokenLM`.
        encodings: `"canonical"` (see the module).
        tolerance: at each step, drop the lightest heads as long as they hold at most this share
            of the mass together; `CoverState.dropped_mass` bounds the effect. 0 is exact.
        name: for tables; default: the tokenizer's.
    """

    def __init__(
        self,
        token_lm: TokenLM,
        *,
        encodings: Encodings = "canonical",
        tolerance: float = 0.0,
        name: str | None = None,
    ) -> None:
        """Look through `token_lm`.

        Raises:
            ArgumentError: an option that does not exist or is out of range.
            ModelError: the model does not fit its tokenizer.
        """
        if encodings != "canonical":
            raise ArgumentError(f"encodings must be 'canonical', got {encodings!r}")
        if not 0 <= tolerance < 1:
            raise ArgumentError(f"tolerance must be at least 0 and below 1, got {tolerance}")
        self.token_lm = token_lm
        self.name = name or getattr(token_lm, "name", None) or token_lm.tokenizer.name
        self._tolerance = tolerance
        self._vocabulary = ByteVocabulary(token_lm)
        self._given = token_lm.tokenizer.dummy_prefix

    def open(self, prefix: str | bytes = b"") -> CoverState:
        """A state after `prefix`, with a cache of its own."""
        return self._open(as_bytes(prefix), open_session(self.token_lm))

    def _open(self, prefix: bytes, session: Session) -> CoverState:
        state = CoverState(self._vocabulary, session, self._tolerance, self._given)
        state.push(prefix)
        return state

    def open_batch(self, prefixes: Sequence[str | bytes]) -> list[CoverState]:
        """States after several prefixes that share one cache and are evaluated together."""
        session = open_session(self.token_lm)
        states = [self._open(as_bytes(prefix), session) for prefix in prefixes]
        evaluate_states(states) if states else None
        return states

    def token_logprob(self, data: str | bytes) -> float:
        """Log-probability, nats, of the canonical tokenization of `data` under the token model.

        Neither masked nor summed over anything: what is usually reported for a token model. It
        says that the text is these tokens so far, and that the last one ends with `data`.

        Raises:
            EncodingError: the vocabulary cannot express `data`.
        """
        ids = self.token_lm.tokenizer.encode(as_bytes(data), normalize=False)
        session = open_session(self.token_lm)
        nodes = [session.root]
        for token in ids[:-1]:
            nodes.append(session.extend(nodes[-1], token))
        if not ids:
            return 0.0
        total = 0.0
        size = max(1, (1 << 25) // self._vocabulary.vocab_size)
        for start in range(0, len(ids), size):
            rows = session.logprobs(nodes[start : start + size])
            chosen = ids[start : start + size]
            total += float(rows[np.arange(len(chosen)), chosen].astype(np.float64).sum())
        if np.isnan(total):
            raise ModelError(f"{self.name} returned NaN log-probabilities; check its weights")
        return total
