"""One token for each byte: `PlainBytesModel` (ByT5 and other byte-level vocabularies)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.text.segment_models.base import (
    NO_TOKEN,
    PrefixEncoder,
    SegmentModel,
    check_bounds,
    check_ids,
    inexpressible,
)
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
        self.reachable = np.zeros(spec.vocab_size, dtype=np.bool_)
        self.reachable[self._table[self._table >= 0]] = True
        self.reachable.setflags(write=False)

    def encode(
        self, text: NDArray[np.uint8], bounds: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See `SegmentModel.encode`."""
        check_bounds(text, bounds)
        ids = self._table[text]
        if np.any(ids < 0):
            offset = int(np.argmax(ids < 0))
            raise inexpressible(int(text[offset]), offset, self._name)
        return ids, np.arange(1, len(text) + 1, dtype=np.int64)

    def count(self, text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> int:
        """See `SegmentModel.count`."""
        return len(self.encode(text, bounds)[0])

    def successor_mask_after(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """See `SegmentModel.successor_mask_after`."""
        check_ids(ids, self.vocab_size)
        return self.reachable

    def prefix_encoder(self) -> PlainBytesPrefixEncoder:
        """See `SegmentModel.prefix_encoder`."""
        return PlainBytesPrefixEncoder(self._table, self._name)


class PlainBytesPrefixEncoder(PrefixEncoder):
    """See `PrefixEncoder`; made by `PlainBytesModel.prefix_encoder`."""

    def __init__(self, table: NDArray[np.int32], name: str) -> None:
        self._table = table
        self._name = name
        self._ids: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def append(self, data: bytes | int) -> None:
        """See `PrefixEncoder.append`."""
        for byte in bytes([data]) if isinstance(data, int) else data:
            token = int(self._table[byte])
            if token < 0:
                raise inexpressible(byte, len(self._ids), self._name)
            self._ids.append(token)

    def truncate(self, length: int) -> None:
        """See `PrefixEncoder.truncate`."""
        self._check_length(length)
        del self._ids[length:]

    def last_token_at(self, length: int) -> int:
        """See `PrefixEncoder.last_token_at`."""
        self._check_length(length)
        return self._ids[length - 1] if length else NO_TOKEN

    def ids(self, length: int | None = None) -> list[int]:
        """See `PrefixEncoder.ids`."""
        if length is not None:
            self._check_length(length)
        return self._ids[:length]
