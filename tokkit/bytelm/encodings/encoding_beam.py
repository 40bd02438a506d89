"""A beam of heads over all encodings of a byte prefix, and a bound on what it leaves out.

A *head* of x is any sequence of tokens that spells a beginning x[:j] of x. With P the token model
over text and end (see `absorb`),

    P(x ...) = sum over heads h of  P(h) * sum of P(t | h) over tokens t that start with x[j:].

There are exponentially many heads. `EncodingBeam` keeps every head whose row of probabilities is
known until no token fits any more, which costs no model call; of those without a row it keeps the
ones that are among the `width` that carry the most mass. One that is left out contributes at most
its weight P(h) to any longer prefix, so that with K the mass kept, and L the weights left out,
K <= P(x ...) <= K + L. Nothing here runs the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.bytelm.encodings.heads import Tally
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.protocol import Node
from tokkit.errors import ModelError


@dataclass(frozen=True, eq=False, slots=True)
class Row:
    """What the model says after a head: P(next token | text or end).

    Attributes:
        low: first of the sorted tokens that `probabilities` covers.
        probabilities: float64, of all sorted tokens, or of those that start with a known byte.
        symbols: float64 (257,), the mass of each next symbol; index 256 is end of text.
        log_text: log of the mass that the model gives to text and end, nats, at most 0; the rest
            is that of control tokens.
    """

    low: int
    probabilities: NDArray[np.float64]
    symbols: NDArray[np.float64]
    log_text: float

    def of_byte(self, vocabulary: ByteVocabulary, byte: int) -> Row:
        """The same, with the probabilities of only the tokens that start with a byte."""
        low, high = vocabulary.narrow(0, len(vocabulary.trie), 0, byte)
        part = self.probabilities[low - self.low : high - self.low].copy()
        return replace(self, low=low, probabilities=part)


def absorb(vocabulary: ByteVocabulary, row: NDArray[np.floating[Any]]) -> Row:
    """Condition a model's row on text or end: mask control tokens, and renormalise.

    Tokens without bytes, other than end of text, lengthen a sequence without adding a byte. The
    model is conditioned, at every step, on emitting none of them, so that the row sums to one over
    the next byte and the end of text.

    Args:
        vocabulary: the sorted tokens.
        row: float (V',), V' at least the vocabulary, log-probabilities in nats.

    Raises:
        ModelError: the row holds NaN or plus infinity.
    """
    text = row[vocabulary.trie.order].astype(np.float64)
    ends = row[vocabulary.end_ids].astype(np.float64)
    top = float(max(text.max(initial=-np.inf), ends.max(initial=-np.inf)))
    if top == -np.inf:
        return Row(0, np.zeros(len(text)), np.zeros(N_SYMBOLS), -np.inf)
    with np.errstate(invalid="ignore"):
        probabilities = np.exp(text - top)
        end = float(np.exp(ends - top).sum())
    total = float(probabilities.sum()) + end
    if not np.isfinite(total):
        raise ModelError(
            "the model returned NaN or infinite log-probabilities; check its weights, or load it "
            "with dtype='float32'"
        )
    probabilities /= total
    symbols = vocabulary.symbol_sums(0, 0, probabilities)
    symbols[END] = end / total
    return Row(0, probabilities, symbols, top + float(np.log(total)))


@dataclass(frozen=True, eq=False, slots=True)
class BeamHead:
    """A head, as it stands at one position of the text.

    Attributes:
        start: number of bytes that it spells.
        node: the context in the model's session.
        log_weight: log P(head), nats.
        log_mass: log of the part of P(head) whose next token starts with the bytes since `start`.
        log_text: nats that conditioning on text or end has gained along the head, negated.
        low: first of the sorted tokens that start with the bytes since `start`.
        probabilities: float64, P(t | head) of those tokens; None while the row is missing.
        symbols: float64 (257,), masses of the next symbol, while the head ends at the position.
    """

    start: int
    node: Node
    log_weight: float
    log_mass: float
    log_text: float
    low: int = 0
    probabilities: NDArray[np.float64] | None = None
    symbols: NDArray[np.float64] | None = None

    def with_row(self, row: Row) -> BeamHead:
        """The head with its row; without mass if that is empty."""
        return replace(
            self,
            log_mass=self.log_mass if row.log_text > -np.inf else -np.inf,
            log_text=self.log_text + row.log_text,
            low=row.low,
            probabilities=row.probabilities,
            symbols=row.symbols,
        )


class EncodingBeam:
    """The heads of a byte prefix that have been kept.

    Attributes:
        length: bytes of the prefix.
        live: the heads.
        log_left_out: log of the weight of all heads left out, nats.
        dropped_mass: the sum over the bytes of the share of the mass that was left out there.
    """

    def __init__(
        self, vocabulary: ByteVocabulary, start: Node, *, width: int, tolerance: float
    ) -> None:
        """Start from the empty prefix.

        Args:
            vocabulary: the sorted tokens.
            start: the context before the first byte.
            width: a head without a row is kept if it is among so many that carry the most mass.
            tolerance: share of the mass that may be left out at each byte besides.
        """
        self._vocabulary = vocabulary
        self.width = width
        self.tolerance = tolerance
        self.length = 0
        self.live = [BeamHead(0, start, 0.0, 0.0, 0.0)]
        self.log_left_out = -np.inf
        self.dropped_mass = 0.0

    def copy(self) -> EncodingBeam:
        """An independent copy."""
        twin = copy(self)
        twin.live = list(self.live)
        return twin

    def missing(self) -> list[BeamHead]:
        """Heads without a row."""
        return [head for head in self.live if head.probabilities is None]

    def drop_missing(self) -> float:
        """Drop the heads without a row, for a trial; returns the share of the mass they carry."""
        masses = self.log_masses()
        fresh = np.array([head.probabilities is None for head in self.live], dtype=np.bool_)
        if not fresh.any():
            return 0.0
        self.live = [head for head in self.live if head.probabilities is not None]
        return float(np.exp(np.logaddexp.reduce(masses[fresh]) - np.logaddexp.reduce(masses)))

    def fill(self, rows: Mapping[Node, Row]) -> None:
        """Give their rows to the heads that lack one."""
        for k, head in enumerate(self.live):
            if head.probabilities is None and head.node in rows:
                self.live[k] = head.with_row(rows[head.node])

    def log_masses(self) -> NDArray[np.float64]:
        """float64 (n,), nats: what each live head carries."""
        return np.array([head.log_mass for head in self.live])

    def tally(self) -> Tally:
        """Masses of the next symbol; no row may be missing."""
        tally = Tally()
        for head in self.live:
            tally.add(head.log_weight, self._symbols(head))
        return tally

    def _symbols(self, head: BeamHead) -> NDArray[np.float64]:
        """float64 (257,): P(next symbol, and the token that brings it | head)."""
        if head.symbols is not None:
            return head.symbols
        assert head.probabilities is not None
        depth = self.length - head.start
        return self._vocabulary.symbol_sums(head.low, depth, head.probabilities)

    def step(self, byte: int, extend: Callable[[Node, int], Node]) -> None:
        """Add a byte without leaving anything out; no row may be missing.

        Args:
            byte: the next one.
            extend: gives the context one token longer.
        """
        longer: list[BeamHead] = []
        born: list[BeamHead] = []
        for head in self.live:
            narrowed = self._narrow(head, byte, extend, born)
            if narrowed is not None:
                longer.append(narrowed)
        self.length += 1
        self.live = [*longer, *born]

    def _narrow(
        self, head: BeamHead, byte: int, extend: Callable[[Node, int], Node], born: list[BeamHead]
    ) -> BeamHead | None:
        """The head with those of its tokens that go on beyond `byte`, or None.

        Tokens that end with the byte are new heads; they go to `born`.
        """
        assert head.probabilities is not None
        trie, base = self._vocabulary.trie, head.low
        depth = self.length - head.start
        high = base + len(head.probabilities)
        low, high = self._vocabulary.narrow(base, high, depth, byte)
        while low < high and trie.lengths[low] == depth + 1:
            probability = head.probabilities[low - base]
            if probability > 0:
                weight = head.log_weight + float(np.log(probability))
                node = extend(head.node, int(trie.order[low]))
                born.append(BeamHead(self.length + 1, node, weight, weight, head.log_text))
            low += 1
        remaining = head.probabilities[low - base : high - base].copy()
        mass = remaining.sum()
        if not mass > 0:
            return None
        log_mass = head.log_weight + float(np.log(mass))
        return replace(head, low=low, probabilities=remaining, log_mass=log_mass, symbols=None)

    def prune(self) -> None:
        """Leave out heads without a row that are beyond the width, or within the tolerance."""
        masses = self.log_masses()
        total = np.logaddexp.reduce(masses) if len(masses) else -np.inf
        if total == -np.inf:
            return
        fresh = np.array([head.probabilities is None for head in self.live])
        lightest_first = np.argsort(masses, kind="stable")
        out = np.zeros(len(masses), dtype=np.bool_)
        out[lightest_first[: max(0, len(masses) - self.width)]] = True
        light = lightest_first[fresh[lightest_first]]
        out[light[np.cumsum(np.exp(masses[light] - total)) <= self.tolerance]] = True
        out &= fresh
        if not out.any():
            return
        log_dropped = float(np.logaddexp.reduce(masses[out]))
        self.log_left_out = float(np.logaddexp(self.log_left_out, log_dropped))
        self.dropped_mass += float(np.exp(log_dropped - total))
        self.live = [head for head, gone in zip(self.live, out, strict=True) if not gone]
