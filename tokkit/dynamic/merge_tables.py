"""What merging asks of a vocabulary: what each token spells, and where one may be joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.kernels.batch_merges.most_frequent import Joints
from tokkit.kernels.batch_merges.spellings import Spellings, hash_spellings, table_of
from tokkit.text.segment_models.vocabulary import pack
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer
from tokkit.text.white_space import WHITE_SPACE

_SPACES = tuple(character.encode() for character in WHITE_SPACE)
_PREFERENCE = (TokenKind.NORMAL, TokenKind.LITERAL, TokenKind.BYTE, TokenKind.DECODE_ONLY)
"""Of tokens that are spelt alike, the one that encoding gives rather comes first."""

_tables: WeakKeyDictionary[TextTokenizer, MergeTables] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class MergeTables:
    """Tables of one tokenizer, which no merge changes.

    Attributes:
        spellings: of every id of the vocabulary.
        known: the tokens that a merge can make, by what they spell.
        has_bytes: bool (V,); what has none (special tokens, holes) never merges.
        begins_word: bool (V,), tokens with leading white space, or the mark of a word's first.
        ends_word: bool (V,), tokens with the mark of a word's last.
    """

    spellings: Spellings
    known: NDArray[np.int32]
    has_bytes: NDArray[np.bool_]
    begins_word: NDArray[np.bool_]
    ends_word: NDArray[np.bool_]

    def joints(self, n_new: int, *, within_words: bool) -> Joints:
        """Which ids may merge, with room for new ones."""
        as_left, as_right = self.has_bytes, self.has_bytes
        if within_words:
            as_left, as_right = as_left & ~self.ends_word, as_right & ~self.begins_word
        room = np.zeros(n_new, np.bool_)
        return Joints(np.concatenate([as_left, room]), np.concatenate([as_right, room]))

    def with_batch(self, n_new: int, data: NDArray[np.uint8]) -> Spellings:
        """The spellings with room for new ids, whose bytes are those of a batch."""
        old = self.spellings
        room = np.zeros(n_new, np.int64)
        return Spellings(
            np.concatenate([old.data, data]),
            np.concatenate([old.offset, room]),
            np.concatenate([old.length, room]),
            np.concatenate([old.hash, room]),
            np.concatenate([old.power, room]),
            np.concatenate([old.mark, room.astype(np.uint8)]),
        )


def merge_tables(tokenizer: Any) -> MergeTables:
    """The tables of a text tokenizer, made once.

    Raises:
        ArgumentError: it is a tokenizer of something else.
    """
    if not isinstance(tokenizer, TextTokenizer):
        raise ArgumentError(
            f"tokenizer is a {type(tokenizer).__name__}, expected one of text; other signals have "
            "no strings to merge"
        )
    if tokenizer not in _tables:
        _tables[tokenizer] = _build(tokenizer.spec)
    return _tables[tokenizer]


def _build(spec: TokenizerSpec) -> MergeTables:
    blob = pack(spec.token_bytes)
    n = spec.vocab_size
    none = np.zeros(n, np.bool_)
    first = none if spec.continuing is None else ~spec.continuing
    last = none if spec.word_final is None else spec.word_final[:n]
    spellings = Spellings(
        blob.data,
        blob.offsets[:-1].copy(),
        blob.lengths.astype(np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        (first[:n] + 2 * last).astype(np.uint8),
    )
    hash_spellings(spellings, n)
    has_bytes = blob.lengths > 0
    ranks = [np.flatnonzero((spec.kinds == kind) & has_bytes) for kind in _PREFERENCE]
    spaced = np.fromiter(map(_begins_with_space, spec.token_bytes), np.bool_, count=n)
    return MergeTables(
        spellings,
        table_of(spellings, np.concatenate(ranks).astype(np.int32)),
        has_bytes,
        spaced | first[:n],
        last.copy(),
    )


def _begins_with_space(token: bytes) -> bool:
    return token.startswith(_SPACES)
