"""One token for each byte: `PlainBytesModel` (ByT5 and other byte-level vocabularies)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.text.segment_models.base import (
    Encoded,
    Places,
    SegmentModel,
    Text,
    check_bounds,
    check_ids,
    mask_of,
)
from tokkit.text.segment_models.prefix_encoders import NO_TOKEN, PathEncoder, inexpressible
from tokkit.text.spec import TokenizerSpec, TokenKind


class PlainBytesModel(SegmentModel):
    """Looks each byte up in a table. Every token may follow every other."""

    def __init__(self, spec: TokenizerSpec) -> None:
        """Build the table from the NORMAL (failing that, BYTE) tokens of one byte, lowest id first.

        Raises:
            ArgumentError: not a plain-bytes tokenizer.
        """
        if spec.family != "bytes":
            raise ArgumentError(f"{spec.name!r} is {spec.family}; expected plain bytes")
        self._name = spec.name
        self.vocab_size = spec.vocab_size
        self.context_length = 0
        self._table = np.full(256, NO_TOKEN, dtype=np.int32)
        for kind in (TokenKind.BYTE, TokenKind.NORMAL):
            for token in map(int, np.flatnonzero(spec.kinds == kind)[::-1]):
                spelling = spec.token_bytes[token]
                if len(spelling) == 1:
                    self._table[spelling[0]] = token
        self.reachable = mask_of(spec.vocab_size, self._table[self._table >= 0])

    def encode(self, text: Text, bounds: Places) -> Encoded:
        """See `SegmentModel.encode`."""
        check_bounds(text, bounds)
        ids = self._table[text]
        if np.any(ids < 0):
            offset = int(np.argmax(ids < 0))
            raise inexpressible(int(text[offset]), offset, self._name)
        return ids, np.arange(1, len(text) + 1, dtype=np.int64)

    def successor_mask_after(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """See `SegmentModel.successor_mask_after`."""
        check_ids(ids, self.vocab_size)
        return self.reachable

    def prefix_encoder(self) -> PlainBytesPrefixEncoder:
        """See `SegmentModel.prefix_encoder`."""
        return PlainBytesPrefixEncoder(self._table, self._name)


class PlainBytesPrefixEncoder(PathEncoder):
    """See `PrefixEncoder`; made by `PlainBytesModel.prefix_encoder`."""

    def __init__(self, table: NDArray[np.int32], name: str) -> None:
        super().__init__(np.ones(int(table.max()) + 1, dtype=np.int32), name)
        self._table = table

    def _extend(self, start: int, stop: int) -> int:
        self._last[start + 1 : stop + 1] = self._table[self._text[start:stop]]
        return self._known_up_to(start, stop)
