"""Mark the places of a text at which assertions of a pattern hold, and cut it by marked symbols.

A text is an array of *symbols*: for each piece one entry a byte and one for its end, so that byte
`i` of piece `k` is at `i + k`. The entry of a character's first byte is its class, plus `n_symbols`
times the marks of the place before it; the others are -1. See `tokkit.text.regex.lookaround`.
"""

# pyright: basic

from tokkit.kernels.leaf import leaf
from tokkit.kernels.texts.scan import decode_class


@leaf
def fill_symbols(text, bounds, tables, symbols) -> None:
    """Fill `symbols` (int32, bytes and pieces) with the classes of the characters, unmarked."""
    for piece in range(len(bounds) - 1):
        i = bounds[piece]
        stop = bounds[piece + 1]
        while i < stop:
            symbol, size = decode_class(text, i, stop, tables)
            symbols[i + piece] = symbol
            for k in range(1, size):
                symbols[i + piece + k] = -1
            i += size
        symbols[stop + piece] = tables.end


@leaf
def add_marks(symbols, next_state, marks, backward, end, n_symbols) -> None:
    """Run one machine over all pieces, and add the marks that it gives to the symbols.

    `next_state` and `marks` are int32 (states, marked symbols).
    """
    n = len(symbols)
    state = 0
    for k in range(n):
        at = n - 1 - k if backward else k
        symbol = symbols[at]
        if symbol < 0:
            continue
        is_end = symbol % n_symbols == end
        if backward and is_end:
            state = 0
        symbols[at] = symbol + n_symbols * marks[state, symbol]
        state = 0 if is_end and not backward else next_state[state, symbol]


@leaf
def find_marked_match(symbols, start, stop, steps):
    """End of the match that starts at entry `start`; -1 if none. `stop` is the end of the piece."""
    state = 0
    found = -1
    for at in range(start, stop + 1):
        symbol = symbols[at]
        if symbol >= 0:
            step = steps[state, symbol]
            if step & 1:
                found = at
            if step < 0:
                return found
            state = step >> 1
    return found


@leaf
def cut_marked(symbols, bounds, steps, ends, is_match) -> int:
    """As `tokkit.kernels.texts.scan.cut`, on marked symbols."""
    n = 0
    for piece in range(len(bounds) - 1):
        i = bounds[piece]
        stop = bounds[piece + 1]
        gap = False
        while i < stop:
            found = find_marked_match(symbols, i + piece, stop + piece, steps) - piece
            if found >= i and gap:
                ends[n] = i
                is_match[n] = False
                n += 1
                gap = False
            if found > i:
                ends[n] = found
                is_match[n] = True
                n += 1
                i = found
            else:
                gap = True
                i += 1
                while symbols[i + piece] < 0:
                    i += 1
        if gap:
            ends[n] = stop
            is_match[n] = False
            n += 1
    return n
