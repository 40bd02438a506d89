"""Greedy longest match over bytes: `GreedyModel` (RWKV's world vocabulary).

Without words, unlike WordPiece: a piece is all of a text, and any token may stand anywhere. A
prefix of an encoding is the encoding of its own bytes, since what was the longest match of a text
is the longest one of its beginning too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.kernels.segmentation import longest_match, unigram_successors
from tokkit.text.segment_models.base import (
    Ids,
    OneCallModel,
    Places,
    Text,
    check_bounds,
    check_ids,
    mask_of,
    room_for,
)
from tokkit.text.segment_models.prefix_encoders import inexpressible
from tokkit.text.segment_models.vocabulary import build_trie, longest_piece, pack
from tokkit.text.spec import TokenizerSpec, TokenKind

_NO_LIMIT = 1 << 62


class GreedyModel(OneCallModel):
    """From the left, the longest token that matches; only NORMAL tokens take part."""

    def __init__(self, spec: TokenizerSpec) -> None:
        """Build the trie; of tokens that are spelt alike the lowest id is used.

        Raises:
            ArgumentError: not a greedy tokenizer.
        """
        if spec.family != "greedy":
            raise ArgumentError(f"{spec.name!r} is {spec.family}; expected greedy")
        self._name = spec.name
        self.vocab_size = spec.vocab_size
        self._blob = pack(spec.token_bytes)
        normal = spec.kinds == TokenKind.NORMAL
        self._units, self._order, _ = build_trie(
            spec.token_bytes, np.flatnonzero(normal), normal, self._blob
        )
        self._shared = unigram_successors.shared_prefixes(
            self._blob.data, self._blob.offsets, self._order
        )
        # A token of n bytes may be overtaken by a longer one only as long as that reaches on.
        self.context_length = max(1, longest_piece(self._blob, self._order) - 1)
        self.reachable = mask_of(spec.vocab_size, self._order)

    def _encode(self, text: Text, bounds: Places, *, keep: bool) -> tuple[Ids, Places, int]:
        text, bounds = check_bounds(text, bounds)
        ids, ends = room_for(text, bounds, keep=keep)
        n, where = longest_match.encode(
            self._units, self._units, self._blob.lengths, _NO_LIMIT,
            text, bounds, ids, ends, keep, longest_match.NO_MATCH,
        )  # fmt: skip
        if n < 0:
            raise inexpressible(int(text[where]), int(where), self._name)
        return ids, ends, int(n)

    def successor_mask_after(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """See `SegmentModel.successor_mask_after`."""
        check_ids(ids, self.vocab_size)
        if not ids:
            return self.reachable
        text, begins = self._blob.spell(ids)
        invalid = np.zeros(self.vocab_size, dtype=np.bool_)
        longest_match.mark_overtaken(
            self._units, self._units, self._blob.data, self._blob.offsets, self._order,
            self._shared, text, begins, invalid,
        )  # fmt: skip
        return self.reachable & ~invalid

    def deciding(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        """See `SegmentModel.deciding`: from the first token that a longer one may overtake."""
        text, begins = self._blob.spell(ids)
        first = longest_match.first_open(self._units, text, begins)
        return ids[min(int(first), len(ids) - 1) :]
