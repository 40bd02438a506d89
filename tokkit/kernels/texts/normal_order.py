"""The quick check for a normal form of Unicode ("Unicode Standard Annex 15", section 9).

A character has a *class*: its combining class, plus `MAY_COMPOSE` if it may compose with a starter
before it, plus `CHANGES` if the form changes it, or nothing is known of it.
"""

import numpy as np

from tokkit.kernels.arrays import Bytes, Int64s, Integer, UInt16s
from tokkit.kernels.leaf import leaf
from tokkit.kernels.texts.eight_bytes import eight_bytes
from tokkit.kernels.texts.utf8 import character_length, code_point

COMBINING = 0xFF
MAY_COMPOSE = 0x100
CHANGES = 0x200
FIRST_SHIFT = 21
"""A pair that composes is `first << FIRST_SHIFT | second`."""
_NOT_ASCII = np.uint64(0x8080808080808080)


@leaf
def parts_in_doubt(text: Bytes, classes: UInt16s, pairs: Int64s, parts: Int64s) -> int:
    """Find the parts of `text` that do not pass; they may be in the form all the same.

    A part begins with a character of class 0 (or with the text) and goes on to the next one.

    Inputs:
        classes: uint16 (0x110000,), of each code point; ASCII is taken as 0.
        pairs: int64 (p,), ascending: starters and characters that compose.
        parts: int64 (n,), filled with where each part begins and ends.

    Returns:
        How many numbers that are, or -1 if `text` is no UTF-8.

    Example:
        >>> classes, acute = np.zeros(0x110000, np.uint16), 0x301
        >>> classes[acute] = 230 | MAY_COMPOSE
        >>> text, composing = bytes_of("cafe" + chr(acute) + "s"), int64s(0x65 << 21 | acute)
        >>> n = parts_in_doubt(text, classes, composing, ends)
        >>> ends[:n].tolist()
        [3, 6]
    """
    i = 0
    n = len(text)
    n_parts = 0
    begin = 0
    in_doubt = False
    before = np.int64(0)
    starter = np.int64(0)
    while i < n:
        if i + 8 <= n and eight_bytes(text, i) & _NOT_ASCII == 0:
            if in_doubt:
                n_parts = _add(parts, n_parts, begin, i)
                in_doubt = False
            i += 8
            begin = i - 1
            starter = np.int64(text[begin])
            before = np.int64(0)
            continue
        length = character_length(text, i, n)
        point = np.int64(code_point(text, i, length))
        found = np.int64(0)
        if point >= 0x80:
            if length == 1:
                return -1
            found = np.int64(classes[point])
        order = found & COMBINING
        if found == 0:
            if in_doubt:
                n_parts = _add(parts, n_parts, begin, i)
                in_doubt = False
            begin = i
        elif (
            found & CHANGES
            or (found & MAY_COMPOSE and _is_among(pairs, starter << FIRST_SHIFT | point))
            or (order != 0 and before > order)
        ):
            in_doubt = True
        if order == 0:
            starter = point
        before = order
        i += length
    if in_doubt:
        n_parts = _add(parts, n_parts, begin, n)
    return n_parts


@leaf
def _add(parts: Int64s, n: int, begin: Integer, end: Integer) -> int:
    parts[n], parts[n + 1] = begin, end
    return n + 2


@leaf
def _is_among(pairs: Int64s, pair: Integer) -> bool:
    low, high = 0, len(pairs)
    while low < high:
        middle = (low + high) >> 1
        if pairs[middle] < pair:
            low = middle + 1
        else:
            high = middle
    return low < len(pairs) and pairs[low] == pair
