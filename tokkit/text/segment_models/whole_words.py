"""One token a piece, or none: `WholeWordModel` (SentencePiece's WORD models).

The pretokenizer cuts the text into words, each with the space before it. A word that is no token is
unknown as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, EncodingError
from tokkit.text.segment_models.base import (
    Encoded,
    Places,
    SegmentModel,
    Text,
    check_bounds,
    check_ids,
    mask_of,
)
from tokkit.text.segment_models.unknown import in_order, joined
from tokkit.text.spec import TokenizerSpec, TokenKind


class WholeWordModel(SegmentModel):
    """Looks each piece up; only NORMAL tokens take part."""

    def __init__(self, spec: TokenizerSpec) -> None:
        """Build the table; of tokens that are spelt alike the lowest id is used.

        Raises:
            ArgumentError: not a tokenizer of whole words.
        """
        if spec.family != "words":
            raise ArgumentError(f"{spec.name!r} is {spec.family}; expected whole words")
        self._name = spec.name
        self._unk_id, self._fuse_unk = spec.unk_id, spec.fuse_unk
        self.vocab_size = spec.vocab_size
        self.context_length = 1
        self._ids: dict[bytes, int] = {}
        for token in np.flatnonzero(spec.kinds == TokenKind.NORMAL).tolist():
            self._ids.setdefault(spec.token_bytes[token], token)
        self.reachable = mask_of(spec.vocab_size, list(self._ids.values()))
        self._none = mask_of(spec.vocab_size, [])

    def encode(self, text: Text, bounds: Places) -> Encoded:
        """See `SegmentModel.encode`. Raises EncodingError at an unknown word."""
        ids, ends = self._look_up(text, bounds)
        if len(ids) and ids.min() < 0:
            start = int(np.concatenate([[0], ends])[np.argmin(ids)])
            spelling = text[start : int(ends[np.argmin(ids)])][:40].tobytes()
            raise EncodingError(
                f"the word {spelling!r} at offset {start} is unknown to "
                f"{self._name or 'this tokenizer'}; remove it, or ask for the unknown token"
            )
        return ids, ends

    def encode_with_unknown(self, text: Text, bounds: Places) -> Encoded:
        """See `SegmentModel.encode_with_unknown`. Words side by side fuse, if unknown text does."""
        ids, ends = self._look_up(text, bounds)
        unknown = ids < 0
        starts, stops = np.concatenate([[0], ends[:-1]])[unknown], ends[unknown]
        if self._fuse_unk:
            starts, stops = joined(starts, stops, np.empty(0, dtype=np.int64))
        lost = np.full(len(stops), self._unk_id, dtype=np.int32)
        return in_order([(ids[~unknown], ends[~unknown]), (lost, stops)])

    def _look_up(self, text: Text, bounds: Places) -> Encoded:
        """The id of each piece that is not empty, or -1, and where it ends."""
        text, bounds = check_bounds(text, bounds)
        ends = bounds[1:][np.diff(bounds) > 0]
        data = text.tobytes()
        words = [data[start:end] for start, end in pairwise([0, *ends.tolist()])]
        return np.array([self._ids.get(word, -1) for word in words], dtype=np.int32), ends

    def successor_mask_after(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """See `SegmentModel.successor_mask_after`: nothing goes on with a piece."""
        check_ids(ids, self.vocab_size)
        return self._none if ids else self.reachable
