"""Find the bytes that begin a word, with an automaton that decides at each byte.

A step on a character packs the next state and whether a word ends before the character (`BOUNDARY`)
into one number. ASCII has a table of steps of its own. Of a longer character the first byte decides
about the boundary; its class, and with it the next state, is known with its last one. Bytes that
are no UTF-8, up to the first that may begin a character, count as one of a class of its own, the
last one.
"""

from typing import NamedTuple

import numpy as np

from tokkit.kernels.arrays import Bytes, Flags, Int32s, Int64s, Integer
from tokkit.kernels.leaf import leaf

BOUNDARY = 128
"""In a step: a word ends before the character."""

N_FIELDS = 7
_STATE, _LENGTH, _MISSING, _POINT, _LOW, _HIGH, _BROKE = range(N_FIELDS)
"""What is kept between bytes: the state before the character in progress, the bytes of the word,
and of that character the bytes to come, the bits so far, the bounds of its next byte, and whether
it began a word."""


class WordTables(NamedTuple):
    """What the splitter reads.

    steps: uint8 (states, classes), next state and `BOUNDARY`; state 0 is before the first byte.
    ascii_steps: uint8 (states, 128), by the byte.
    starts: uint8 (classes,), the state after a character that begins a word.
    lead_breaks: bool (states, 256), whether a word ends before a longer character, by its first
        byte.
    pages: int32 (4352,), page of `code point >> 8`.
    page_classes: uint8 (pages, 256).
    """

    steps: Bytes
    ascii_steps: Bytes
    starts: Bytes
    lead_breaks: Flags
    pages: Int32s
    page_classes: Bytes


@leaf
def _finish(tables: WordTables, kept: Int64s, character: Integer) -> None:
    """Go to the state after the character in progress, now that its class is known."""
    if kept[_BROKE]:
        kept[_STATE] = tables.starts[character]
    else:
        kept[_STATE] = tables.steps[kept[_STATE], character] & (BOUNDARY - 1)
    kept[_MISSING] = 0


@leaf
def _open(kept: Int64s, lead: Integer, length: int, broke: bool) -> None:
    """Begin a character of several bytes (table 3-7 of the Unicode Standard)."""
    kept[_MISSING] = length - 1
    kept[_POINT] = lead & (0x7F >> length)
    kept[_LOW] = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    kept[_HIGH] = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    kept[_BROKE] = broke


@leaf
def _take(tables: WordTables, kept: Int64s, byte: Integer) -> bool:
    """Take a byte of the character in progress: whether it belongs to that."""
    if byte < kept[_LOW] or byte > kept[_HIGH]:
        _finish(tables, kept, len(tables.starts) - 1)
        return False
    kept[_POINT] = kept[_POINT] << 6 | byte & 0x3F
    kept[_LOW], kept[_HIGH] = 0x80, 0xBF
    kept[_MISSING] -= 1
    if kept[_MISSING] == 0:
        point = kept[_POINT]
        _finish(tables, kept, tables.page_classes[tables.pages[point >> 8], point & 0xFF])
    return True


@leaf
def word_starts(text: Bytes, tables: WordTables, limit: int, kept: Int64s, found: Int64s) -> int:
    """Go through the bytes that follow those that `kept` has seen.

    Inputs:
        text: uint8 (n,).
        limit: bytes of the longest word; a word ends before a character that, by its first byte,
            would be too long for it, and inside a character that is longer than the limit.
        kept: int64 (N_FIELDS,), zeros before the first byte; changed in place.
        found: int64 (n,) at least; filled with where in `text` a word begins, but for the very
            first one.

    Returns:
        How many were found.

    Example:
        >>> kept = np.zeros(N_FIELDS, np.int64)
        >>> n = word_starts(bytes_of("a bb c"), blanks, 9, kept, starts)
        >>> starts[:n].tolist()
        [1, 4]
    """
    n_found = 0
    for i in range(len(text)):
        byte = np.int64(text[i])
        size = 1
        boundary = False
        inside = kept[_MISSING] > 0 and _take(tables, kept, byte)
        if inside:
            pass
        elif byte < 0x80:
            step = np.int64(tables.ascii_steps[kept[_STATE], byte])
            boundary = step >= BOUNDARY
            kept[_STATE] = step & (BOUNDARY - 1)
        elif byte < 0xC2 or byte > 0xF4:
            step = np.int64(tables.steps[kept[_STATE], len(tables.starts) - 1])
            boundary = step >= BOUNDARY
            kept[_STATE] = step & (BOUNDARY - 1)
        else:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            boundary = tables.lead_breaks[kept[_STATE], byte]
            _open(kept, byte, size, boundary)
        length = kept[_LENGTH]
        if length > 0 and (boundary or length + size > limit):
            found[n_found] = i
            n_found += 1
            length = 0
        kept[_LENGTH] = length + 1
    return n_found
