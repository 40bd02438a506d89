"""Heads, the canonical sequences of tokens that cover a byte prefix; sums over them: `Tally`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.protocol import Node
from tokkit.kernels.token_masses import byte_ranges, masses


@dataclass(frozen=True, eq=False, slots=True)
class Stem:
    """A canonical sequence of tokens that spells the first `start` bytes; asks no model.

    Attributes:
        start: number of bytes spelt.
        state: of the canonical automaton.
        node: the context in the model's session.
        parent: the sequence one token before, and `position`, that token in the order of bytes.
    """

    start: int
    state: int
    node: Node
    parent: Stem | None = None
    position: int = -1


@dataclass(eq=False, slots=True)
class Head:
    """A sequence of tokens, and what the model says of it and after it.

    Attributes:
        stem: the sequence. What remembers it does not hold the weights.
        parent: the head one token before, until `log_weight` is known. Later nobody needs the
            weights of one that the text cannot go on from, as large as a vocabulary.
        log_weight: log P(head), nats; NaN until known.
        low, weights: of the sorted tokens from `low` on, in proportion to P(t | head), float32 if
            the model's scores are; None until evaluated.
        total: what the weights of all the tokens and of end of text add up to.
        symbols: float64 (257,), P(first byte of the next token | head), the last of end of text;
            empty until evaluated.
    """

    stem: Stem
    parent: Head | None
    log_weight: float = float("nan")
    low: int = 0
    weights: NDArray[np.floating[Any]] | None = None
    total: float = 1.0
    symbols: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def start(self) -> int:
        """Number of bytes spelt."""
        return self.stem.start

    @property
    def state(self) -> int:
        """Of the canonical automaton."""
        return self.stem.state

    @property
    def node(self) -> Node:
        """The context in the model's session."""
        return self.stem.node

    @property
    def end_probability(self) -> float:
        """P(end of text | head), once evaluated."""
        return float(self.symbols[END])

    def kept(self, low: int, high: int) -> NDArray[np.floating[Any]]:
        """The weights of a range of sorted tokens that has been kept."""
        assert self.weights is not None
        return self.weights[low - self.low : high - self.low]

    def mass(self, low: int, high: int) -> NDArray[np.float64]:
        """P(t | head) of a range of sorted tokens that has been kept."""
        return self.kept(low, high).astype(np.float64) / self.total

    def weigh(self) -> None:
        """Set `log_weight` from the parent, which must still hold this head's token."""
        parent, position = self.parent, self.stem.position
        assert parent is not None
        step = float(parent.kept(position, position + 1)[0]) / parent.total
        self.log_weight = parent.log_weight + (math.log(step) if step > 0 else -math.inf)
        self.parent = None


def trunk_of(heads: Iterable[Head]) -> Stem:
    """The last sequence that several heads, all of one text, have in common.

    Args:
        heads: at least one.
    """
    several = {head.stem for head in heads}
    while len(several) > 1:
        deepest = max(several, key=lambda stem: stem.start)
        several.remove(deepest)
        assert deepest.parent is not None  # the empty sequence begins them all
        several.add(deepest.parent)
    return several.pop()


class LiveHead(NamedTuple):
    """A head, and the range of sorted tokens that start with the bytes after it."""

    head: Head
    low: int
    high: int


class Tally:
    """Sums of weighted masses of next symbols on a common logarithmic scale."""

    __slots__ = ("masses", "scale")

    def __init__(self, scale: float = -np.inf) -> None:
        """Start empty.

        Args:
            scale: log of the largest weight that will be added, if that is known: finding out as
                they come costs more.
        """
        self.masses = np.zeros(N_SYMBOLS)
        self.scale = scale

    def add(self, log_weight: float, symbols: NDArray[np.float64]) -> None:
        """Add `exp(log_weight) * symbols`, float64 (257,)."""
        if log_weight > -np.inf:
            masses.add_multiple(self.masses, self._factor(log_weight), symbols)

    def add_head(
        self, vocabulary: ByteVocabulary, head: Head, low: int, high: int, depth: int
    ) -> None:
        """Add P(head) P(next symbol, and the token that brings it | head).

        Args:
            vocabulary: the sorted tokens.
            head: evaluated.
            low: first of the tokens that start with the `depth` bytes after the head.
            high: one past the last.
            depth: number of bytes after the head; if 0, the range is all the tokens.
        """
        if depth == 0:
            self.add(head.log_weight, head.symbols)
        elif head.log_weight > -np.inf:
            factor = self._factor(head.log_weight) / head.total
            trie, weights = vocabulary.trie, head.kept(low, high)
            byte_ranges.byte_sums(trie.data, trie.offsets, low, depth, weights, factor, self.masses)

    def _factor(self, log_weight: float) -> float:
        """What a finite weight is on the scale, which rises to it if it is larger."""
        if log_weight > self.scale:
            self.masses *= math.exp(self.scale - log_weight)
            self.scale = log_weight
        return math.exp(log_weight - self.scale)

    @property
    def log_total(self) -> float:
        """Log of the total mass, nats."""
        total = self.masses.sum()
        return float(self.scale + np.log(total)) if total > 0 else -np.inf

    def logprobs(self) -> NDArray[np.float64]:
        """float64 (257,), nats: the masses normalised; all minus infinity if there is no mass."""
        logs = np.empty(N_SYMBOLS)
        masses.log_shares(self.masses, logs)
        return logs
