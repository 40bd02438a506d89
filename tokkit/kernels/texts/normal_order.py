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
def is_normal(text: Bytes, classes: UInt16s, pairs: Int64s) -> bool:
    """Whether `text` is UTF-8 and passes; if not, it may be in the form all the same.

    Inputs:
        classes: uint16 (0x110000,), of each code point; ASCII is taken as 0.
        pairs: int64 (p,), ascending: starters and characters that compose.

    Example:
        >>> classes, acute = np.zeros(0x110000, np.uint16), 0x301
        >>> classes[acute] = 230 | MAY_COMPOSE
        >>> [is_normal(bytes_of(c + chr(acute)), classes, int64s(0x65 << 21 | acute)) for c in "ex"]
        [False, True]
    """
    i = 0
    n = len(text)
    before = 0
    starter = np.int64(0)
    while i < n:
        if i + 8 <= n and eight_bytes(text, i) & _NOT_ASCII == 0:
            i += 8
            starter = np.int64(text[i - 1])
            before = 0
            continue
        length = character_length(text, i, n)
        point = np.int64(code_point(text, i, length))
        found = np.int64(0)
        if point >= 0x80:
            found = np.int64(classes[point])
            if length == 1 or found & CHANGES:
                return False
            if found & MAY_COMPOSE and _is_among(pairs, starter << FIRST_SHIFT | point):
                return False
        order = found & COMBINING
        if order == 0:
            starter = point
        elif before > order:
            return False
        before = order
        i += length
    return True


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
