"""`ReencodingEncoder`: the prefixes of a piece, each encoded on request from its beginning."""

from __future__ import annotations

from tokkit.errors import EncodingError
from tokkit.text.segment_models.base import NO_TOKEN, PrefixEncoder, SegmentModel


class ReencodingEncoder(PrefixEncoder):
    """See `PrefixEncoder`. A prefix of a known word may have no encoding itself."""

    def __init__(self, model: SegmentModel) -> None:
        self._model = model
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
        return self._model.encode_piece(bytes(self._text[:length]))
