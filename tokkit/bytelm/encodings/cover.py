"""The cover of a byte string by heads: `Cover`.

For a byte prefix x, a *head* is a canonical sequence of tokens whose bytes are a proper beginning
x[:j] of x, or all of it. Every text that starts with x has exactly one head after which its next
token goes beyond the end of x (or the text ends), so that

    P(x ...) = sum over heads h of  P(h) * sum of P(t | h) over tokens t that start with x[j:]

(the Byte-Token Representation Lemma of Phan et al., ICLR 2025, with the streaming form of the
cover by Hayase et al., 2025). P(t | h) is the model's distribution with every token masked out
that no canonical encoding could continue with, renormalised. Each byte adds about one head; a head
is dropped when no token starts with what follows it.

Which heads there are depends on the bytes alone. `Cover.push` therefore only grows the tree, and
`evaluate` (in `evaluation`) runs the model on what is needed, many heads (of many covers) in one
call.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import copy

import numpy as np

from tokkit.bytelm.byte_state import Bounds
from tokkit.bytelm.encodings.heads import Head, LiveHead, Stem, Tally
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.protocol import Node, Session
from tokkit.kernels.token_masses import byte_ranges
from tokkit.text.canonical.automaton import CanonicalAutomaton


class Cover:
    """The heads of a byte prefix that can still be continued."""

    def __init__(self, vocabulary: ByteVocabulary, session: Session, start: Node) -> None:
        self._vocabulary = vocabulary
        self._session = session
        root = Head(Stem(0, CanonicalAutomaton.START, start), None, log_weight=0.0)
        self.length = 0
        self.live = [LiveHead(root, 0, len(vocabulary.trie))]
        # Heads that were made before the text came to them, by parent and token.
        self._foreseen: dict[tuple[Head, int], Head] = {}
        self._foresees = False

    def ahead(self) -> Cover:
        """A copy to grow over bytes that may come.

        Where the text does come to its heads, this cover takes them, and so what the model has said
        of them, in place of new ones. What an earlier copy has made is forgotten.
        """
        self._foreseen = {}
        twin = self.fork()
        twin._foresees = True
        return twin

    def forget_foreseen(self) -> None:
        """Let go of the heads that were made for bytes which the text has not come to.

        They hold contexts in the cache of the model.
        """
        self._foreseen = {}

    def fork(self) -> Cover:
        """An independent copy; heads, and what the model said of them, are shared."""
        twin = copy(self)
        twin.live = list(self.live)
        return twin

    def spelt(self) -> bytes | None:
        """The bytes of the prefix; None where no head is left that remembers them."""
        if not self.live:
            return None
        head, low, _ = self.live[0]
        trie = self._vocabulary.trie
        parts = [trie.tokens[low][: self.length - head.start]]
        stem = head.stem
        while stem.parent is not None:
            parts.append(trie.tokens[stem.position])
            stem = stem.parent
        return b"".join(reversed(parts))

    def push(self, data: bytes) -> list[Head]:
        """Add bytes; returns the new heads, parents first. Runs no model."""
        fresh: list[Head] = []
        for byte in data:
            kept: list[LiveHead] = []
            born: list[Head] = []
            for live in self.live:
                low, high = self._narrow(live, byte, born)
                if low < high:
                    kept.append(LiveHead(live.head, low, high))
            self.length += 1
            everything = len(self._vocabulary.trie)
            self.live = [*kept, *(LiveHead(head, 0, everything) for head in born)]
            fresh.extend(born)
        return fresh

    def _narrow(self, live: LiveHead, byte: int, born: list[Head]) -> tuple[int, int]:
        """Keep the tokens that go on with `byte`; those that end with it become heads."""
        trie = self._vocabulary.trie
        depth = self.length - live.head.start
        low, high = self._vocabulary.narrow(live.low, live.high, depth, byte)
        while low < high and trie.lengths[low] == depth + 1:
            head = self._foreseen.get((live.head, low)) or self._bear(live.head, low)
            if head is not None:
                if live.head.weights is not None and math.isnan(head.log_weight):
                    head.weigh()
                born.append(head)
            low += 1
        return low, high

    def _bear(self, parent: Head, position: int) -> Head | None:
        """The head one token longer; None where no canonical encoding goes on so."""
        token = int(self._vocabulary.trie.order[position])
        state = self._vocabulary.canonical.advance(parent.state, token)
        if state == CanonicalAutomaton.DEAD:
            return None
        node = self._session.extend(parent.node, token)
        head = Head(Stem(self.length + 1, state, node, parent.stem, position), parent)
        if self._foresees:
            self._foreseen[parent, position] = head
        return head

    # -- what the model says -----------------------------------------------------------------

    def ranges(self) -> dict[Head, tuple[int, int]]:
        """What can still be asked of each head that is not evaluated: a range of sorted tokens."""
        return {live.head: (live.low, live.high) for live in self.live if live.head.weights is None}

    def pending(self) -> list[Head]:
        """Heads that must be evaluated before `tally`, parents first."""
        return _unevaluated(live.head for live in self.live)

    def tally(self) -> Tally:
        """Masses of the next symbol, given all heads evaluated."""
        tally = Tally(max((live.head.log_weight for live in self.live), default=-np.inf))
        for live in self.live:
            depth = self.length - live.head.start
            tally.add_head(self._vocabulary, live.head, live.low, live.high, depth)
        return tally

    def bounds(self) -> Bounds | None:
        """Masses of the next symbol from the heads that are evaluated, and what the others weigh.

        A head that is not evaluated carries at most its weight P(head), and so do all heads that go
        on from it together. None where no head of any weight is evaluated, or such a weight is not
        known.
        """
        known = [live for live in self.live if live.head.weights is not None]
        waiting = {_first_unevaluated(live.head) for live in self.live if live.head.weights is None}
        weights = [head.log_weight for head in waiting]
        if not known or any(map(math.isnan, weights)):
            return None
        tally = Tally(max(live.head.log_weight for live in known))
        for live in known:
            depth = self.length - live.head.start
            tally.add_head(self._vocabulary, live.head, live.low, live.high, depth)
        if tally.scale == -math.inf:
            return None
        slack = sum(math.exp(min(w - tally.scale, 700.0)) for w in weights)
        return Bounds(tally.masses, slack, tally.scale)

    def drop(self, tolerance: float) -> float | None:
        """Drop the lightest heads as long as they weigh at most `tolerance` together.

        A head whose bytes are all of the prefix has the mass P(head), whatever the model says
        after it, so it is weighed, and perhaps dropped, before it is evaluated. Where another
        head is not evaluated, nothing is dropped.

        Returns:
            Their share of the mass of the prefix; None if that is not known yet.
        """
        log_masses = [self._log_mass(live) for live in self.live]
        if any(map(math.isnan, log_masses)):
            return None
        heaviest = max(log_masses, default=-math.inf)
        if heaviest == -math.inf:
            return 0.0
        # Plain floats: the heads are few, and each call of NumPy would show.
        weights = [math.exp(log_mass - heaviest) for log_mass in log_masses]
        total = sum(weights)
        dropped: set[int] = set()
        share = 0.0
        for k in sorted(range(len(weights)), key=weights.__getitem__):
            if share + weights[k] / total > tolerance:
                break
            share += weights[k] / total
            dropped.add(k)
        self.live = [live for k, live in enumerate(self.live) if k not in dropped]
        return share

    def _log_mass(self, live: LiveHead) -> float:
        """Log of what a head adds to the mass of the prefix; NaN if that is not known."""
        head = live.head
        if head.start == self.length:  # also where it was evaluated before the text came to it
            return head.log_weight
        if head.weights is None:
            return float("nan")
        kept = head.kept(live.low, live.high)
        mass = byte_ranges.range_sum(kept, 0, len(kept)) / head.total
        return head.log_weight + math.log(max(mass, 1e-300))


def _first_unevaluated(head: Head) -> Head:
    """The head or the ancestor of it that has not been evaluated, but whose parent has."""
    while head.parent is not None and head.parent.weights is None:
        head = head.parent
    return head


def _unevaluated(heads: Iterable[Head]) -> list[Head]:
    """Heads without weights and their ancestors without, each once, parents first."""
    found: dict[Head, None] = {}
    for head in heads:
        chain: list[Head] = []
        current: Head | None = head
        while current is not None and current.weights is None and current not in found:
            chain.append(current)
            current = current.parent
        found.update(dict.fromkeys(reversed(chain)))
    return list(found)
