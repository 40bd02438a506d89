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


@njit(cache=True)
def apply_behavior(bounds, ends, is_match, n, keeps_gap, keeps_match, joins, out, kept):
    """Glue elements into pieces and drop those that the stage removes.

    Args:
        bounds: int64, the pieces that were cut; elements never join across one.
        ends, is_match, n: what `cut` filled.
        keeps_gap, keeps_match: whether gaps, or matches, stay.
        joins: bool (2, 2), `joins[a, b]`: an element of kind b (1: match) joins one of kind a.
        out: int64 (n + 1,), filled with the bounds of the new pieces.
        kept: bool (n,), filled with whether each new piece stays.

    Returns:
        The number of new pieces.
    """
    pieces = 0
    out[0] = bounds[0]
    border = 1
    for k in range(n):
        kind = 1 if is_match[k] else 0
        start = bounds[0] if k == 0 else ends[k - 1]
        while border < len(bounds) and bounds[border] < start:
            border += 1
        at_border = k == 0 or (border < len(bounds) and bounds[border] == start)
        if not at_border and joins[1 if is_match[k - 1] else 0, kind]:
            out[pieces] = ends[k]
            continue
        pieces += 1
        out[pieces] = ends[k]
        kept[pieces - 1] = keeps_match if kind == 1 else keeps_gap
    return pieces


@njit(cache=True)
def drop_pieces(text, bounds, kept, n, out_text, out_bounds):
    """Copy the kept pieces of `text` together; returns how many pieces and bytes are left."""
    pieces = 0
    size = 0
    out_bounds[0] = 0
    for k in range(n):
        if kept[k]:
            for i in range(bounds[k], bounds[k + 1]):
                out_text[size] = text[i]
                size += 1
            pieces += 1
            out_bounds[pieces] = size
    return pieces, size


@njit(cache=True)
def cut_isolated(text, bounds, next_state, match_before, pages, page_classes, invalid, end, out):
    """`cut` for the common case that matches and gaps are all pieces: fills bounds, counts them."""
    n = 0
    out[0] = bounds[0]
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
                    n += 1
                    out[n] = i
                    gap = False
                n += 1
                out[n] = found
                i = found
            else:
                gap = True
                i += decode_class(text[:stop], i, pages, page_classes, invalid)[1]
        if gap:
            n += 1
            out[n] = stop
    return n


