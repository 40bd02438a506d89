"""Cut bytes into matches and gaps with the tables of a pretokenizer's automaton.

Characters are decoded on the fly. A byte that does not begin a well-formed UTF-8 character is a
character of its own, of the class `invalid`.

A *step* packs what the machine does on a symbol into one number: `next_state << 1 | match_before`,
negative when it stops. ASCII has a table of steps of its own, indexed by the byte.

Nearly all matches end where the character after them cannot go on with them, and begins the next
one. A *move* does both at once, so that a text is read without a branch at the end of each match,
which no processor can foresee: `row << ROW_BITS | ends`, where `row` is the state after the
character, and `ends` whether a match ends before it. It is negative where that is not all there is
to it: the match ended earlier, or nothing begins here, or the byte is not ASCII.
"""

from typing import NamedTuple

import numpy as np

from tokkit.kernels.arrays import Bytes, Flags, Int32s, Int64s, Integer
from tokkit.kernels.leaf import leaf

ROW_BITS = 9
OF_CLASSES = 256
"""In a row of moves those of bytes stand first, then, from here on, those of classes."""


class ScanTables(NamedTuple):
    """What the cutter reads.

    steps: int32 (states, symbols).
    ascii_steps: int32 (states, 128).
    moves: int32 (states << ROW_BITS,), as of `moves_of`.
    pages: int32 (4352,), page of `code point >> 8`.
    page_classes: uint8 (pages, 256).
    invalid: the class of a byte outside well-formed UTF-8.
    end: the symbol for the end of the text.
    """

    steps: Int32s
    ascii_steps: Int32s
    moves: Int32s
    pages: Int32s
    page_classes: Bytes
    invalid: int
    end: int


@leaf
def _class_of(tables: ScanTables, code_point: Integer) -> Integer:
    """The class of a character."""
    return np.int64(tables.page_classes[tables.pages[code_point >> 8], code_point & 0xFF])


@leaf
def decode_class(text: Bytes, i: Integer, stop: Integer, tables: ScanTables) -> tuple[Integer, int]:
    """Class and length in bytes of the character of `text[:stop]` at `i`: `(int, int)`.

    Example:
        >>> [decode_class(bytes_of("né"), i, 3, letters) for i in (0, 1, 2)]
        [(0, 1), (1, 2), (2, 1)]
    """
    b0 = np.int64(text[i])
    if b0 < 0x80:
        return _class_of(tables, b0), 1
    left = stop - i
    if b0 < 0xC2 or b0 > 0xF4 or left < 2:
        return tables.invalid, 1
    b1 = np.int64(text[i + 1])
    if b1 & 0xC0 != 0x80:
        return tables.invalid, 1
    if b0 < 0xE0:
        return _class_of(tables, (b0 & 0x1F) << 6 | (b1 & 0x3F)), 2
    if left < 3:
        return tables.invalid, 1
    b2 = np.int64(text[i + 2])
    if b2 & 0xC0 != 0x80:
        return tables.invalid, 1
    if b0 < 0xF0:
        if (b0 == 0xE0 and b1 < 0xA0) or (b0 == 0xED and b1 > 0x9F):
            return tables.invalid, 1
        return _class_of(tables, (b0 & 0x0F) << 12 | (b1 & 0x3F) << 6 | (b2 & 0x3F)), 3
    if left < 4:
        return tables.invalid, 1
    b3 = np.int64(text[i + 3])
    if b3 & 0xC0 != 0x80 or (b0 == 0xF0 and b1 < 0x90) or (b0 == 0xF4 and b1 > 0x8F):
        return tables.invalid, 1
    low = (b1 & 0x3F) << 12 | (b2 & 0x3F) << 6 | (b3 & 0x3F)
    return _class_of(tables, (b0 & 0x07) << 18 | low), 4


@leaf
def find_match(text: Bytes, start: Integer, stop: Integer, tables: ScanTables) -> Integer:
    """End of the match that starts at `start`, looking no further than `stop`; -1 if none.

    Example:
        >>> find_match(bytes_of("ab  c"), 0, 5, letters)
        2
    """
    ascii_steps, steps = tables.ascii_steps, tables.steps
    state = 0
    found = -1
    i = start
    while i < stop:
        byte = text[i]
        if byte < 0x80:
            step = ascii_steps[state, byte]
            size = 1
        else:
            symbol, size = decode_class(text, i, stop, tables)
            step = steps[state, symbol]
        if step & 1:
            found = i
        if step < 0:
            return found
        state = step >> 1
        i += size
    if steps[state, tables.end] & 1:
        found = stop
    return found


@leaf
def _element(
    text: Bytes, start: Integer, stop: Integer, tables: ScanTables
) -> tuple[Integer, bool]:
    """Where the match or the gap ends that begins at `start`, and whether it is a match.

    An empty match divides the gap that it stands in, and does nothing where one begins.
    """
    found = find_match(text, start, stop, tables)
    if found > start:
        return found, True
    i = start + decode_class(text, start, stop, tables)[1]
    while i < stop and find_match(text, i, stop, tables) < i:
        i += decode_class(text, i, stop, tables)[1]
    return i, False


@leaf
def _move(
    text: Bytes, i: Integer, stop: Integer, tables: ScanTables, row: Integer
) -> tuple[Integer, int]:
    """The move on the character at `i` in a row of moves, and the character's length in bytes."""
    move = np.int64(tables.moves[row + np.int64(text[i])])
    if move >= 0 or text[i] < 0x80:
        return move, 1
    symbol, size = decode_class(text, i, stop, tables)
    return np.int64(tables.moves[row + OF_CLASSES + symbol]), size


@leaf
def cut(text: Bytes, bounds: Int64s, tables: ScanTables, ends: Int64s, is_match: Flags) -> int:
    """Cut each piece of `text` between consecutive `bounds` into matches and the gaps between.

    An empty match divides the gap that it stands in, and does nothing just after a match.
    Fills `ends` (int64, end offset of each element) and `is_match` (bool), which must hold
    `len(text) + 1` entries, and returns how many elements there are.

    Example:
        >>> n = cut(bytes_of("ab  c"), int64s(0, 5), letters, ends, flags)
        >>> ends[:n].tolist(), flags[:n].tolist()
        ([2, 4, 5], [True, False, True])
    """
    n = 0
    for piece in range(len(bounds) - 1):
        begin = bounds[piece]
        stop = bounds[piece + 1]
        while begin < stop:
            # As far as moves reach: a place is written before each character, and counted if a
            # match ends there.
            row = np.int64(0)
            i = begin
            while i < stop:
                move, size = _move(text, i, stop, tables, row)
                if move < 0:
                    break
                ends[n] = i
                is_match[n] = True
                n += move & 1
                row = move & -(1 << ROW_BITS)
                i += size
                if move & 1:
                    begin = i - size
            if i == stop and tables.steps[row >> ROW_BITS, tables.end] & 1:
                ends[n], is_match[n] = stop, True
            else:  # one element as the steps have it
                ends[n], is_match[n] = _element(text, begin, stop, tables)
            begin = ends[n]
            n += 1
    return int(n)
