"""WordPiece over one word: `WordPieceModel`, greedy longest match first.

In `TokenizerSpec` the bytes of a token that begins a word start with a space, so that decoding is
joining. Here a piece is the word *without* that space, the ends of tokens are offsets in the words,
and one space at the front of a token that begins words is left out of the match.

A word that the vocabulary cannot spell, or of more than `max_word_chars` characters, is unknown. It
raises, since `[UNK]` loses the text, unless the caller asks for that (`encode_with_unknown`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.kernels.segmentation import longest_match, unigram_successors
from tokkit.text.segment_models.base import (
    Encoded,
    Ids,
    OneCallModel,
    Places,
    Text,
    check_bounds,
    check_ids,
    mask_of,
    room_for,
)
from tokkit.text.segment_models.vocabulary import build_trie, pack
from tokkit.text.spec import TokenizerSpec, TokenKind


class WordPieceModel(OneCallModel):
    """Greedy longest match; only NORMAL tokens take part.

    `reachable` tells of a continuing token whether it is what its bytes become within a word.
    """

    def __init__(self, spec: TokenizerSpec) -> None:
        """Build the tables.

        Args:
            spec: of family "wordpiece", with `continuing`.

        Raises:
            ArgumentError: not a WordPiece tokenizer.
            FormatError: `continuing` does not have one flag for each id.
        """
        if spec.family != "wordpiece" or spec.continuing is None:
            raise ArgumentError(
                f"{spec.name!r} is {spec.family}, without continuing flags; expected WordPiece"
            )
        if spec.continuing.shape != (spec.vocab_size,):
            raise FormatError(
                f"{spec.name!r} has continuing {spec.continuing.shape} for {spec.vocab_size} tokens"
            )
        self._name = spec.name
        self._max_chars = spec.max_word_chars
        self._unk_id = spec.unk_id
        self.vocab_size = spec.vocab_size
        self.context_length = None
        spelt = tuple(
            token if continuing else token.removeprefix(b" ")
            for token, continuing in zip(spec.token_bytes, spec.continuing.tolist(), strict=True)
        )
        self._blob = pack(spelt)
        normal = spec.kinds == TokenKind.NORMAL
        self._initial, first, _ = build_trie(
            spelt, np.flatnonzero(normal & ~spec.continuing), normal, self._blob
        )
        self._continuing, self._order, _ = build_trie(
            spelt, np.flatnonzero(normal & spec.continuing), normal, self._blob
        )
        self._shared = unigram_successors.shared_prefixes(
            self._blob.data, self._blob.offsets, self._order
        )
        spelled = np.concatenate([first, self._order])
        # In characters: what a token adds to the word.
        self._characters = np.zeros(spec.vocab_size, dtype=np.int64)
        for token in spelled.tolist():
            start, stop = self._blob.offsets[token : token + 2]
            self._characters[token] = longest_match.count_characters(self._blob.data, start, stop)
        fits = self._characters[spelled] <= self._max_chars
        self.reachable = mask_of(spec.vocab_size, spelled[fits])
        self._may_begin = mask_of(spec.vocab_size, spelled[fits & ~spec.continuing[spelled]])

    def encode_with_unknown(self, text: Text, bounds: Places) -> Encoded:
        """See `SegmentModel.encode_with_unknown`."""
        ids, ends, n = self._encode(text, bounds, keep=True, unk_id=self._unk_id)
        return ids[:n].copy(), ends[:n].copy()

    def _encode(
        self,
        text: Text,
        bounds: Places,
        *,
        keep: bool,
        unk_id: int | None = None,
    ) -> tuple[Ids, Places, int]:
        text, bounds = check_bounds(text, bounds)
        ids, ends = room_for(text, bounds, keep=keep)
        n, where = longest_match.encode(
            self._initial, self._continuing, self._blob.lengths, self._max_chars,
            text, bounds, ids, ends, keep, longest_match.NO_MATCH if unk_id is None else unk_id,
        )  # fmt: skip
        if n < 0:
            self._raise_unknown(text, bounds, int(where), too_long=n == longest_match.TOO_LONG)
        return ids, ends, int(n)

    def _raise_unknown(self, text: Text, bounds: Places, where: int, *, too_long: bool) -> NoReturn:
        word = int(np.searchsorted(bounds, where, side="right")) - 1
        spelling = text[bounds[word] : bounds[word + 1]][:40].tobytes()
        reason = f"nothing matches byte 0x{text[where]:02x}"
        if too_long:
            reason = f"it has more than {self._max_chars} characters, from byte 0x{text[where]:02x}"
        raise EncodingError(
            f"the word that begins {spelling!r} is unknown to {self._name or 'this tokenizer'}: "
            f"{reason} at offset {where}; remove it, or use a tokenizer that covers all bytes"
        )

    def successor_mask_after(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """See `SegmentModel.successor_mask_after`."""
        check_ids(ids, self.vocab_size)
        if not ids:
            return self._may_begin
        text, begins = self._blob.spell(ids)
        invalid = np.zeros(self.vocab_size, dtype=np.bool_)
        longest_match.mark_overtaken(
            self._initial, self._continuing, self._blob.data, self._blob.offsets, self._order,
            self._shared, text, begins, invalid,
        )  # fmt: skip
        room = self._max_chars - int(self._characters[list(ids)].sum())
        mask = np.zeros(self.vocab_size, dtype=np.bool_)
        mask[self._order] = self._characters[self._order] <= room
        return mask & ~invalid
