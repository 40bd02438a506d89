"""The cover of a byte string by heads, and the byte-level state that walks it.

For a byte prefix x, a *head* is a canonical sequence of tokens whose bytes are a proper beginning
x[:j] of x, or all of it. Every text that starts with x has exactly one head after which its next
token goes beyond the end of x (or the text ends), so that

    P(x ...) = sum over heads h of  P(h) * sum of P(t | h) over tokens t that start with x[j:]

(the Byte-Token Representation Lemma of Phan et al., ICLR 2025, with the streaming form of the
cover by Hayase et al., 2025). P(t | h) is the model's distribution with every token masked out
that no canonical encoding could continue with, renormalised. Each byte adds about one head; a head
is dropped when no token starts with what follows it.

Which heads there are depends on the bytes alone. `Cover.push` therefore only grows the tree, and
`evaluate` runs the model on what is needed, many heads (of many covers) in one call.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.token_models.protocol import Node, Session, TokenLM, token_scores
from tokkit.errors import ModelError
from tokkit.kernels.token_masses import byte_ranges, masses
from tokkit.text.canonical.automaton import CanonicalAutomaton
from tokkit.text.canonical.mask_cache import MaskCache
from tokkit.text.spec import TokenKind
from tokkit.text.token_trie import TokenTrie

END = 256
"""The symbol for end of text."""
N_SYMBOLS = 257

_HEADROOM = 31.0
"""Nats that the largest weight is above 1, so that float32 reaches 118 nats below the largest; more
would cost digits, for the scores of models are about as large."""
_NO_IDS = np.empty(0, dtype=np.int64)
_CHUNK_VALUES = 1 << 25  # log-probabilities held at once while a cover is evaluated


class ByteVocabulary:
    """What the covers of one model share: its canonical automaton and its byte-sorted tokens."""

    def __init__(self, token_lm: TokenLM) -> None:
        """Collect the tokens that stand for bytes.

        Raises:
            ModelError: an end-of-text id is outside the vocabulary.
        """
        self.token_lm = token_lm
        tokenizer = token_lm.tokenizer
        self.canonical = tokenizer.canonical
        self.vocab_size = tokenizer.vocab_size
        self.name = tokenizer.name
        kinds = tokenizer.spec.kinds
        text = (kinds != TokenKind.SPECIAL) & (kinds != TokenKind.UNUSED)
        self.trie = TokenTrie(tokenizer.spec.token_bytes, np.flatnonzero(text))
        self.end_ids = np.array(sorted(set(token_lm.eos_ids)), dtype=np.int64)
        self._permitted = MaskCache(len(self.trie))
        outside = self.end_ids[(self.end_ids < 0) | (self.end_ids >= self.vocab_size)]
        if len(outside):
            raise ModelError(
                f"end-of-text id {outside[0]} is outside the vocabulary of {tokenizer.name}, which "
                f"has {self.vocab_size} ids; pass eos_ids that belong to this tokenizer"
            )

    def permitted(self, state: int) -> NDArray[np.uint8]:
        """The tokens that may follow a state of the canonical automaton, in the order of bytes.

        Returns:
            uint8 (ceil(n / 8),), as `numpy.packbits` makes it; not to be changed.
        """
        packed = self._permitted.get_packed(state)
        if packed is None:
            packed = self._permitted.put(state, self.canonical.mask(state)[self.order])
        return packed

    @cached_property
    def order(self) -> NDArray[np.unsignedinteger[Any]]:
        """`trie.order` in as little memory as will do: it is read for each head evaluated."""
        return self.trie.order.astype(np.min_scalar_type(self.vocab_size))

    @cached_property
    def first_bytes(self) -> NDArray[np.intp]:
        """The first byte of each sorted token, intp (n,): the type that counting wants."""
        return self.trie.bytes_at(np.arange(len(self.trie)), 0).astype(np.intp)

    @cached_property
    def first_offsets(self) -> NDArray[np.int64]:
        """int64 (257,): where the sorted tokens that begin with each byte start; their number."""
        return np.searchsorted(self.first_bytes, np.arange(257)).astype(np.int64)

    @cached_property
    def longest_token(self) -> int:
        """Bytes of the longest token, at least 1."""
        return int(self.trie.lengths.max(initial=1))

    def first_missing(self, data: bytes) -> int | None:
        """The offset of the first byte of a text that no token holds, or None."""
        held = set(self.trie.data.tolist())
        return next((k for k, byte in enumerate(data) if byte not in held), None)

    def narrow(self, low: int, high: int, depth: int, byte: int) -> tuple[int, int]:
        """The tokens of a range (all longer than `depth`, alike before it) with `byte` there."""
        if depth == 0:
            return int(self.first_offsets[byte]), int(self.first_offsets[byte + 1])
        return byte_ranges.narrow(self.trie.data, self.trie.offsets, low, high, depth, byte)

    def symbol_sums(
        self, low: int, depth: int, values: NDArray[np.floating[Any]]
    ) -> NDArray[np.float64]:
        """Sums of values by the byte at `depth`.

        Args:
            low: the first of the sorted tokens that the values belong to.
            depth: every one of the tokens is longer.
            values: float (k,).

        Returns:
            float64 (257,); the last, for end of text, is 0.
        """
        sums = np.zeros(N_SYMBOLS)
        byte_ranges.byte_sums(self.trie.data, self.trie.offsets, low, depth, values, 1.0, sums)
        return sums


@dataclass(eq=False, slots=True)
class Head:
    """A canonical sequence of tokens that spells the first `start` bytes.

    Attributes:
        start: number of bytes spelt.
        state: of the canonical automaton.
        node: the context in the model's session.
        parent: the head one token before, and `position`, that token in the order of bytes.
        log_weight: log P(head), nats; NaN until known.
        low, weights: of the sorted tokens from `low` on, in proportion to P(t | head), float32 if
            the model's scores are; None until evaluated.
        total: what the weights of all the tokens and of end of text add up to.
        symbols: float64 (257,), P(first byte of the next token | head), the last of end of text;
            empty until evaluated.
    """

    start: int
    state: int
    node: Node
    parent: Head | None
    position: int
    log_weight: float = float("nan")
    low: int = 0
    weights: NDArray[np.floating[Any]] | None = None
    total: float = 1.0
    symbols: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

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
        assert self.parent is not None
        step = float(self.parent.kept(self.position, self.position + 1)[0]) / self.parent.total
        self.log_weight = self.parent.log_weight + (math.log(step) if step > 0 else -math.inf)


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


class Cover:
    """The heads of a byte prefix that can still be continued."""

    def __init__(self, vocabulary: ByteVocabulary, session: Session, start: Node) -> None:
        self._vocabulary = vocabulary
        self._session = session
        root = Head(0, CanonicalAutomaton.START, start, None, -1, log_weight=0.0)
        self.length = 0
        self.live = [LiveHead(root, 0, len(vocabulary.trie))]

    def fork(self) -> Cover:
        """An independent copy; heads, and what the model said of them, are shared."""
        twin = object.__new__(Cover)
        twin._vocabulary = self._vocabulary
        twin._session = self._session
        twin.length = self.length
        twin.live = list(self.live)
        return twin

    def spelt(self) -> bytes | None:
        """The bytes of the prefix; None where no head is left that remembers them."""
        if not self.live:
            return None
        head, low, _ = self.live[0]
        trie = self._vocabulary.trie
        parts = [trie.tokens[low][: self.length - head.start]]
        while head.parent is not None:
            parts.append(trie.tokens[head.position])
            head = head.parent
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
            token = int(trie.order[low])
            state = self._vocabulary.canonical.advance(live.head.state, token)
            if state != CanonicalAutomaton.DEAD:
                node = self._session.extend(live.head.node, token)
                head = Head(self.length + 1, state, node, live.head, low)
                if live.head.weights is not None:
                    head.weigh()
                born.append(head)
            low += 1
        return low, high

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
        whole = head.start == self.length
        if head.weights is None:
            return head.log_weight if whole else float("nan")
        if whole:
            mass = float(head.symbols.sum())
        else:
            kept = head.kept(live.low, live.high)
            mass = byte_ranges.range_sum(kept, 0, len(kept)) / head.total
        return head.log_weight + math.log(max(mass, 1e-300))


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


def evaluate(
    vocabulary: ByteVocabulary,
    session: Session,
    heads: Sequence[Head],
    keep: Mapping[Head, tuple[int, int]],
) -> Iterator[Head]:
    """Run the model on heads, in as few calls as memory allows, and yield each as it is done.

    A head that is yielded holds the weights of all tokens; when the next one is asked for,
    it keeps only what can still be needed of it.

    Args:
        vocabulary: the sorted tokens.
        session: where the heads' contexts live.
        heads: not evaluated yet, parents first.
        keep: the ranges of sorted tokens to keep; nothing of heads that it does not name.

    Raises:
        ModelError: the model returned NaN, or rows of the wrong length.
    """
    children: dict[Head, list[Head]] = {}
    for head in heads:
        if head.parent is not None and math.isnan(head.log_weight):
            children.setdefault(head.parent, []).append(head)
    n_tokens = len(vocabulary.trie)
    size = max(1, _CHUNK_VALUES // vocabulary.vocab_size)
    for start in range(0, len(heads), size):
        chunk = heads[start : start + size]
        rows = token_scores(session, [head.node for head in chunk])
        if rows.ndim != 2 or rows.shape[0] != len(chunk) or rows.shape[1] < vocabulary.vocab_size:
            raise ModelError(
                f"the model returned log-probabilities of shape {rows.shape}; expected "
                f"({len(chunk)}, {vocabulary.vocab_size}) for the tokenizer {vocabulary.name}"
            )
        dtype = np.float32 if rows.itemsize == 4 else np.float64
        scratch: NDArray[np.floating[Any]] | None = None
        for head, row in zip(chunk, rows, strict=True):
            low, high = keep.get(head, (0, 0))
            everything = high - low == n_tokens
            out = np.empty(n_tokens, dtype) if everything or scratch is None else scratch
            _absorb(vocabulary, head, row, out)
            yield head
            for child in children.get(head, ()):
                child.weigh()
            if not everything:
                scratch = out
                head.weights = head.kept(low, high).copy()
                head.low = low


def _absorb(
    vocabulary: ByteVocabulary,
    head: Head,
    scores: NDArray[np.floating[Any]],
    out: NDArray[np.floating[Any]],
) -> None:
    """Mask and add up one row of scores into a head, which will hold `out`."""
    symbols = np.empty(N_SYMBOLS)
    total = masses.weigh_row(
        scores,
        vocabulary.permitted(head.state),
        vocabulary.order,
        vocabulary.first_offsets,
        vocabulary.end_ids if vocabulary.canonical.may_end(head.state) else _NO_IDS,
        _HEADROOM,
        out,
        symbols,
    )
    if math.isnan(total):
        raise ModelError(
            f"the model returned NaN or infinite log-probabilities after {head.node.depth} tokens; "
            "check its weights, or load it with dtype='float32'"
        )
    if total > 0:
        head.total = total
    head.low, head.weights, head.symbols = 0, out, symbols
