"""Cut bytes into matches and gaps with the tables of a pretokenizer's automaton.

Characters are decoded on the fly. A byte that does not begin a well-formed UTF-8 character is a
character of its own, of the class `invalid`.
"""

import numpy as np
from numba import njit


@njit(cache=True)
def decode_class(text, i, pages, page_classes, invalid):
    """Class and length in bytes of the character of `text` at `i`: `(int, int)`."""
    b0 = text[i]
    if b0 < 0x80:
        return page_classes[pages[0], b0], 1
    left = len(text) - i
    if b0 < 0xC2 or b0 > 0xF4 or left < 2:
        return invalid, 1
    b1 = text[i + 1]
    if b1 & 0xC0 != 0x80:
        return invalid, 1
    if b0 < 0xE0:
        cp = ((b0 & 0x1F) << 6) | (b1 & 0x3F)
        return page_classes[pages[cp >> 8], cp & 0xFF], 2
    if left < 3:
        return invalid, 1
    b2 = text[i + 2]
    if b2 & 0xC0 != 0x80:
        return invalid, 1
    if b0 < 0xF0:
        if (b0 == 0xE0 and b1 < 0xA0) or (b0 == 0xED and b1 > 0x9F):
            return invalid, 1
        cp = ((b0 & 0x0F) << 12) | ((b1 & 0x3F) << 6) | (b2 & 0x3F)
        return page_classes[pages[cp >> 8], cp & 0xFF], 3
    if left < 4:
        return invalid, 1
    b3 = text[i + 3]
    if b3 & 0xC0 != 0x80 or (b0 == 0xF0 and b1 < 0x90) or (b0 == 0xF4 and b1 > 0x8F):
        return invalid, 1
    cp = ((b0 & 0x07) << 18) | ((b1 & 0x3F) << 12) | ((b2 & 0x3F) << 6) | (b3 & 0x3F)
    return page_classes[pages[cp >> 8], cp & 0xFF], 4


@njit(cache=True)
def find_match(text, start, stop, next_state, match_before, pages, page_classes, invalid, end):
    """End of the match that starts at `start`, looking no further than `stop`; -1 if none."""
    state = 0
    found = -1
    i = start
    while True:
        if i < stop:
            symbol, size = decode_class(text[:stop], i, pages, page_classes, invalid)
        else:
            symbol, size = end, 0
        if match_before[state, symbol]:
            found = i
        state = next_state[state, symbol]
        if state < 0 or i >= stop:
            return found
        i += size


@njit(cache=True)
def cut(text, bounds, next_state, match_before, pages, page_classes, invalid, end, ends, is_match):
    """Cut each piece of `text` between consecutive `bounds` into matches and the gaps between.

    Fills `ends` (int64, end offset of each element) and `is_match` (bool), which must hold
    `len(text)` entries, and returns how many elements there are.
    """
    n = 0
    for piece in range(len(bounds) - 1):
        i = bounds[piece]
        stop = bounds[piece + 1]
        gap = False
        while i < stop:
            found = find_match(
                text, i, stop, next_state, match_before, pages, page_classes, invalid, end
            )
            if found > i:
                if gap:
                    ends[n] = i
                    is_match[n] = False
                    n += 1
                    gap = False
                ends[n] = found
                is_match[n] = True
                n += 1
                i = found
            else:
                gap = True
                i += decode_class(text[:stop], i, pages, page_classes, invalid)[1]
        if gap:
            ends[n] = stop
            is_match[n] = False
            n += 1
    return n
