r"""The GPT-2 byte alphabet: 256 printable characters that stand for the 256 bytes.

Source: Radford et al. 2019, `encoder.py` (`bytes_to_unicode`). Printable Latin-1 bytes stand for
themselves; the others, in order, are U+0100, U+0101, and so on. So the space is `Ġ` (U+0120).

    >>> bytes_of(" é".encode().decode("latin-1").replace(" ", "Ġ"))
    b' \xc3\xa9'
"""

from __future__ import annotations

_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]

CHAR_OF_BYTE: tuple[str, ...] = tuple(
    chr(byte) if byte in _PRINTABLE else chr(256 + _OTHERS.index(byte)) for byte in range(256)
)
"""Character of each byte."""

BYTE_OF_CHAR: dict[str, int] = {char: byte for byte, char in enumerate(CHAR_OF_BYTE)}
"""Byte of each character."""

BYTES_IN_GPT2_ORDER: tuple[int, ...] = (*_PRINTABLE, *_OTHERS)
"""The order in which GPT-2 gives ids to the single bytes."""

# Latin-1 is one byte a character, so a table of characters turns decoding into one C call.
_TO_LATIN1 = {ord(char): byte for char, byte in BYTE_OF_CHAR.items()}
# Latin-1 characters outside the alphabet (as a plain space) must not pass for themselves.
_TO_LATIN1.update(dict.fromkeys(_OTHERS, 0xFFFF))


def bytes_of(text: str) -> bytes | None:
    """The bytes that `text` spells, or None if a character is not of the alphabet."""
    try:
        return text.translate(_TO_LATIN1).encode("latin-1")
    except UnicodeEncodeError:
        return None


def text_of(data: bytes) -> str:
    """The spelling of `data` in the byte alphabet."""
    return "".join([CHAR_OF_BYTE[byte] for byte in data])
