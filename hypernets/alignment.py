"""Which tokens of the old tokenizer each token of the new one is spelled with.

A new token whose bytes are one token of the old vocabulary is *copied*. Any other is spelled with
several: those of the old tokenizer's own encoding of its bytes, alone, where that gives the bytes
back, and else the fewest tokens that cover them. Control tokens, which have no bytes, are matched
by their text and by their part (what begins and what ends a text). What is left has no
decomposition: a byte that the old vocabulary lacks, a control token without a counterpart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tokkit.bytelm.token_models.starting_ids import DOCUMENT_SEPARATOR
from tokkit.errors import EncodingError
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

Weighting = Literal["mean", "first", "last", "front_loaded"]


@dataclass(frozen=True, eq=False)
class Alignment:
    """The spelling of every new token in old tokens.

    Attributes:
        n_source: ids of the old vocabulary.
        parts: int64, the old ids of all spellings, one after the other.
        bounds: int64 (n_target + 1,), where the spelling of each new id begins in `parts`; it is
            empty for a token without a decomposition.
        copied: bool (n_target,), whether the spelling is one old token of the same bytes (or of the
            same part, for control tokens).
    """

    n_source: int
    parts: NDArray[np.int64]
    bounds: NDArray[np.int64]
    copied: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def __getitem__(self, token: int) -> tuple[int, ...]:
        """The old ids that a new one is spelled with."""
        return tuple(self.parts[self.bounds[token] : self.bounds[token + 1]].tolist())

    @property
    def lengths(self) -> NDArray[np.int64]:
        """int64 (n_target,): how many old tokens each new one is spelled with."""
        return np.diff(self.bounds)

    @property
    def without(self) -> NDArray[np.bool_]:
        """Bool (n_target,): the tokens without a decomposition."""
        return self.lengths == 0

    def ends(self, *, last: bool) -> NDArray[np.int64]:
        """int64 (n_target,): the first (or last) old token of each spelling; 0 where there is none.

        Whoever uses it must treat the tokens `without` a decomposition on their own.
        """
        places = self.bounds[1:] - 1 if last else self.bounds[:-1]
        return np.where(
            self.without,
            0,
            self.parts[np.clip(places, 0, len(self.parts) - 1)] if len(self.parts) else 0,
        )

    def weights(self, kind: Weighting) -> csr_matrix:
        """float32 (n_target, n_source): rows sum to 1, or are empty without a decomposition.

        `mean`: every part alike (FVT, Gee et al. 2022). `first`, `last`: that part alone.
        `front_loaded`: the part at place k (from 0) weighs in proportion to exp(-k).
        """
        place = np.arange(len(self.parts)) - np.repeat(self.bounds[:-1], self.lengths)
        length = np.repeat(self.lengths, self.lengths)
        values = {
            "mean": lambda: 1.0 / length,
            "first": lambda: (place == 0).astype(float),
            "last": lambda: (place == length - 1).astype(float),
            "front_loaded": lambda: np.exp(-place.astype(float)),
        }[kind]()
        matrix = csr_matrix(
            (values.astype(np.float32), self.parts, self.bounds), shape=(len(self), self.n_source)
        )
        if kind == "front_loaded":
            total = np.add.reduceat(np.append(values, 0.0), self.bounds[:-1])
            matrix.data /= np.repeat(total, self.lengths).astype(np.float32)
        return matrix


class Speller:
    """Spells bytes with the tokens of one tokenizer."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        """Take the tokenizer without the space that it may put before a text."""
        spec = tokenizer.spec
        self._spec = spec
        if spec.prefix_space != "never":
            tokenizer = TextTokenizer(replace(spec, prefix_space="never"))
        self._tokenizer = tokenizer
        self._bytes = _first_ids(spec, TokenKind.BYTE)
        plain = [_first_ids(spec, kind) for kind in (TokenKind.NORMAL, TokenKind.LITERAL)]
        # A byte that is a token in its own right is never encoded as the one that stands in for it.
        self._ids = self._bytes | plain[1] | plain[0]
        self._longest = max(map(len, self._ids), default=0)

    def same(self, data: bytes, *, stand_in: bool = False) -> int | None:
        """The token that stands for exactly these bytes.

        Args:
            data: the bytes.
            stand_in: whether one that stands in for a byte (byte fallback) is preferred.
        """
        return self._bytes.get(data, self._ids.get(data)) if stand_in else self._ids.get(data)

    def spell(self, data: bytes) -> tuple[int, ...]:
        """The tokens that stand for `data` together; nothing where none do."""
        if not data:
            return ()
        try:
            ids = self._tokenizer.encode(data, normalize=False)
        except EncodingError:
            return self._fewest(data)
        token_bytes = self._spec.token_bytes
        if b"".join(token_bytes[token] for token in ids) == data:
            return tuple(ids)
        return self._fewest(data)

    def _fewest(self, data: bytes) -> tuple[int, ...]:
        """The fewest tokens that cover `data`, the earliest cuts first among equals."""
        best: list[tuple[int, int]] = [(0, 0)]  # of each prefix: tokens, and where the last begins
        for end in range(1, len(data) + 1):
            starts = range(max(0, end - self._longest), end)
            ways = [(best[s][0] + 1, s) for s in starts if data[s:end] in self._ids]
            best.append(min(ways, default=(len(data) + 1, end)))
        if best[-1][0] > len(data):
            return ()
        ids: list[int] = []
        end = len(data)
        while end:
            start = best[end][1]
            ids.append(self._ids[data[start:end]])
            end = start
        return tuple(reversed(ids))


def _first_ids(spec: TokenizerSpec, kind: TokenKind) -> dict[bytes, int]:
    """Bytes -> the first token of a kind that stands for them."""
    ids = np.flatnonzero(spec.kinds == kind)[::-1].tolist()
    return {spec.token_bytes[token]: token for token in ids}


def align(source: TextTokenizer, target: TextTokenizer) -> Alignment:
    """Spell every token of `target` with tokens of `source`.

    Args:
        source: the tokenizer that a model has.
        target: the one that it is to have.
    """
    speller = Speller(source)
    controls = matched_controls(source.spec, target.spec)
    spellings: list[tuple[int, ...]] = []
    copied = np.zeros(target.vocab_size, dtype=np.bool_)
    for token, data in enumerate(target.spec.token_bytes):
        stand_in = bool(target.spec.kinds[token] == TokenKind.BYTE)
        same = speller.same(data, stand_in=stand_in) if data else controls.get(token)
        if _is_kept(source.spec, target.spec, token) and token not in controls:
            same = token  # of several with the same bytes, or with none
        copied[token] = same is not None
        spellings.append(speller.spell(data) if same is None else (same,))
    return from_spellings(spellings, copied=copied, n_source=source.vocab_size)


def _is_kept(source: TokenizerSpec, target: TokenizerSpec, token: int) -> bool:
    """Whether an id is the same kind of token with the same bytes in both."""
    return (
        token < source.vocab_size
        and source.token_bytes[token] == target.token_bytes[token]
        and source.kinds[token] == target.kinds[token]
        and target.kinds[token] != TokenKind.SPECIAL
    )


def from_spellings(
    spellings: Sequence[Sequence[int]], *, copied: NDArray[np.bool_], n_source: int
) -> Alignment:
    """An alignment out of the spelling of each token."""
    lengths = np.fromiter(map(len, spellings), dtype=np.int64, count=len(spellings))
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    parts = np.fromiter(
        (part for spelling in spellings for part in spelling), dtype=np.int64, count=int(bounds[-1])
    )
    return Alignment(n_source, parts, bounds, copied)


def matched_controls(source: TokenizerSpec, target: TokenizerSpec) -> Mapping[int, int]:
    """Control tokens of the new tokenizer -> those of the old with the same text or part."""
    return dict(_control_pairs(source, target))


def _control_pairs(source: TokenizerSpec, target: TokenizerSpec) -> Iterator[tuple[int, int]]:
    new, old = beginning(target), beginning(source)
    if new is not None and old is not None:  # what follows is surer, and takes its place
        yield new, old
    if source.unk_id is not None and target.unk_id is not None:
        yield target.unk_id, source.unk_id
    for new, old in ((target.bos_ids, source.bos_ids), (target.eos_ids, source.eos_ids)):
        if old:
            yield from ((token, old[0]) for token in new)
    for text, token in target.special_tokens.items():
        if text in source.special_tokens:
            yield token, source.special_tokens[text]


def beginning(spec: TokenizerSpec) -> int | None:
    """The control token that a text is read after, also where the tokenizer puts none there.

    Many a model is hardly itself without the row of its own (Gemma).
    """
    return spec.bos_ids[0] if spec.bos_ids else spec.special_tokens.get(DOCUMENT_SEPARATOR)
