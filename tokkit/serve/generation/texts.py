"""Characters of bytes, none of them cut: `Characters`; and tokens as JSON can hold them."""

from __future__ import annotations

import codecs


class Characters:
    """Text from bytes that come in pieces; what is no whole character yet is held back."""

    def __init__(self, before: bytes = b"") -> None:
        """Begin.

        Args:
            before: bytes before the text; if they end inside a character, the text has all of it.
        """
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder.decode(before[-8:])

    def feed(self, data: bytes) -> str:
        """The whole characters that are new."""
        return self._decoder.decode(data)


def token_text(data: bytes) -> str:
    """The text of a token; where it is no UTF-8, its bytes as OpenAI spells them."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)
