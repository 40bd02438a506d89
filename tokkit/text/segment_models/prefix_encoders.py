"""`PrefixEncoder`: the encodings of all prefixes of a piece that arrives byte by byte."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, EncodingError

NO_TOKEN = -1
"""`PrefixEncoder.last_token` of an empty prefix, and of one that has no encoding."""


class PrefixEncoder(ABC):
    """The encodings of every prefix of one piece that grows and shrinks at its end.

    Each prefix is encoded as if the piece ended there. The encoding of the first n bytes is its
    last token after the encoding of what comes before that token, so one id a byte is all that is
    kept (WordPiece, whose prefixes do not nest so, re-encodes the word).
    """

    @abstractmethod
    def __len__(self) -> int:
        """Number of bytes so far."""

    @abstractmethod
    def append(self, data: bytes | int) -> None:
        """Add bytes (or one byte, as an int) at the end.

        Raises:
            EncodingError: the vocabulary cannot express a byte; the bytes before it were added.
        """

    @abstractmethod
    def truncate(self, length: int) -> None:
        """Keep only the first `length` bytes; costs nothing that grows with the text.

        Raises:
            ArgumentError: `length` is negative or beyond the end.
        """

    @abstractmethod
    def last_token_at(self, length: int) -> int:
        """Last token of the encoding of the first `length` bytes.

        `NO_TOKEN` when `length` is 0 or those bytes have no encoding.
        """

    @abstractmethod
    def ids(self, length: int | None = None) -> list[int]:
        """Encoding of the first `length` bytes (default: all).

        Raises:
            EncodingError: they have no encoding (WordPiece only).
        """

    @property
    def last_token(self) -> int:
        """Last token of the encoding of everything so far, or `NO_TOKEN`."""
        return self.last_token_at(len(self))

    def _check_length(self, length: int) -> None:
        if not 0 <= length <= len(self):
            raise ArgumentError(
                f"length {length} is outside the piece so far; expected 0 to {len(self)}"
            )


class PathEncoder(PrefixEncoder):
    """Keeps the last token of each prefix; how they are found is up to the model."""

    def __init__(self, lengths: NDArray[np.int32], name: str) -> None:
        """Begin an empty piece.

        Args:
            lengths: int32 (V,), bytes of each token.
            name: of the tokenizer, for messages.
        """
        self._lengths = lengths
        self._name = name
        self._text = np.empty(64, dtype=np.uint8)
        self._last = np.full(65, NO_TOKEN, dtype=np.int32)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, data: bytes | int) -> None:
        """See `PrefixEncoder.append`."""
        added = np.frombuffer(bytes([data]) if isinstance(data, int) else data, dtype=np.uint8)
        start, stop = self._length, self._length + len(added)
        if stop > len(self._text):
            self._text = np.resize(self._text, 2 * stop)
            self._last = np.resize(self._last, 2 * stop + 1)
        self._text[start:stop] = added
        self._length = self._extend(start, stop)
        if self._length < stop:
            raise inexpressible(int(self._text[self._length]), self._length, self._name)

    @abstractmethod
    def _extend(self, start: int, stop: int) -> int:
        """Find the last tokens up to `stop`; up to where there are any."""

    def _known_up_to(self, start: int, stop: int) -> int:
        return start + int(np.argmin(np.append(self._last[start + 1 : stop + 1], NO_TOKEN) >= 0))

    def truncate(self, length: int) -> None:
        """See `PrefixEncoder.truncate`."""
        self._check_length(length)
        self._length = length

    def last_token_at(self, length: int) -> int:
        """See `PrefixEncoder.last_token_at`."""
        self._check_length(length)
        return int(self._last[length])

    def ids(self, length: int | None = None) -> list[int]:
        """See `PrefixEncoder.ids`."""
        length = self._length if length is None else length
        token = self.last_token_at(length)
        path: list[int] = []
        while length > 0:
            path.append(token)
            length -= int(self._lengths[token])
            token = int(self._last[length])
        return path[::-1]


class ReencodingEncoder(PrefixEncoder):
    """Encodes a prefix on request, from its beginning; one of a known word may have no encoding."""

    def __init__(self, encode_piece: Callable[[bytes], list[int]]) -> None:
        self._encode_piece = encode_piece
        self._text = bytearray()

    def __len__(self) -> int:
        return len(self._text)

    def append(self, data: bytes | int) -> None:
        """Add bytes (or one byte, as an int) at the end; any bytes will do."""
        self._text += bytes([data]) if isinstance(data, int) else data

    def truncate(self, length: int) -> None:
        """See `PrefixEncoder.truncate`."""
        self._check_length(length)
        del self._text[length:]

    def last_token_at(self, length: int) -> int:
        """See `PrefixEncoder.last_token_at`."""
        try:
            ids = self.ids(length)
        except EncodingError:
            return NO_TOKEN
        return ids[-1] if ids else NO_TOKEN

    def ids(self, length: int | None = None) -> list[int]:
        """See `PrefixEncoder.ids`."""
        if length is not None:
            self._check_length(length)
        return self._encode_piece(bytes(self._text[:length]))


def inexpressible(byte: int, offset: int, name: str) -> EncodingError:
    """The error for a byte that no token expresses."""
    return EncodingError(
        f"byte 0x{byte:02x} at offset {offset} has no token in {name or 'this tokenizer'}; "
        "remove or replace it, or use a tokenizer with all 256 byte tokens"
    )
