"""Find the bytes that begin a word, with an automaton that decides at each byte.

`word_starts` says where words begin, and `word_places` also which bytes would begin one at each
place. That depends on the state, on the character in progress and on how many bytes fit into the
word: the *code* of a place (`place_code`), of which there are a few thousand.

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


CONTINUATIONS = ((0, -1), (0x80, 0xBF), (0xA0, 0xBF), (0x90, 0xBF), (0x80, 0x9F), (0x80, 0x8F))
"""Bounds of the next byte of a character: none in progress, then those of table 3-7."""
N_CONTINUATIONS = len(CONTINUATIONS)
N_ROOMS = 5
"""Of how many bytes fit into a word: 0, 1, 2, 3, and 4 or more."""
CODE_OF_START = N_ROOMS - 1
"""The `place_code` before the first byte, where none ends a word."""


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
def _push(tables: WordTables, limit: int, kept: Int64s, byte: Integer) -> bool | np.bool_:
    """Take a byte: whether a word ended before it."""
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
    begins = length > 0 and (boundary or length + size > limit)
    kept[_LENGTH] = 1 if begins else length + 1
    return begins


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
        if _push(tables, limit, kept, np.int64(text[i])):
            found[n_found] = i
            n_found += 1
    return n_found


@leaf
def place_code(tables: WordTables, limit: int, kept: Int64s) -> int | np.int64:
    """What decides which bytes begin a word at the place behind those that `kept` has seen.

    Inputs:
        limit: bytes of the longest word.
        kept: int64 (N_FIELDS,).

    Returns:
        `(state * N_CONTINUATIONS + continuation) * N_ROOMS + room`: the state, where a character is
        in progress that after bytes that do not belong to it; the index in `CONTINUATIONS` of the
        bounds of its next byte, 0 where there is none; how many bytes fit into the word, 4 for all
        characters.

    Example:
        >>> kept = np.zeros(N_FIELDS, np.int64)
        >>> n = word_starts(bytes_of("a bb"), blanks, 5, kept, starts)
        >>> place_code(blanks, 5, kept) == 1 * N_CONTINUATIONS * N_ROOMS + 2
        True
    """
    state = kept[_STATE]
    continuation = 0
    if kept[_MISSING] > 0:
        invalid = len(tables.starts) - 1
        if kept[_BROKE]:
            state = np.int64(tables.starts[invalid])
        else:
            state = np.int64(tables.steps[state, invalid]) & (BOUNDARY - 1)
        low, high = kept[_LOW], kept[_HIGH]
        continuation = 2 if low == 0xA0 else 3 if low == 0x90 else 1
        if low == 0x80 and high < 0xBF:
            continuation = 4 if high == 0x9F else 5
    room = limit - kept[_LENGTH]
    if room > N_ROOMS - 1 or kept[_LENGTH] == 0:
        room = N_ROOMS - 1
    return (state * N_CONTINUATIONS + continuation) * N_ROOMS + room


@leaf
def word_places(
    text: Bytes, tables: WordTables, limit: int, kept: Int64s, found: Int64s, codes: Int32s
) -> int:
    """Go through bytes as `word_starts` does, and say what each place is like.

    Inputs:
        text: uint8 (n,).
        limit: bytes of the longest word.
        kept: int64 (N_FIELDS,), zeros before the first byte; changed in place.
        found: int64 (n,) at least; filled with where in `text` a word begins.
        codes: int32 (n,); filled with the `place_code` behind each byte.

    Returns:
        How many words begin.

    Example:
        >>> kept = np.zeros(N_FIELDS, np.int64)
        >>> word_places(bytes_of("a b"), blanks, 5, kept, starts, ids)
        1
        >>> [code % N_ROOMS for code in ids[:3]]
        [4, 4, 3]
    """
    n_found = 0
    for i in range(len(text)):
        if _push(tables, limit, kept, np.int64(text[i])):
            found[n_found] = i
            n_found += 1
        codes[i] = place_code(tables, limit, kept)
    return n_found
