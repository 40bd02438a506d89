"""Mark the places of a text at which assertions of a pattern hold, and cut it by marked symbols.

A text is an array of *symbols*: for each piece one entry a byte and one for its end, so that byte
`i` of piece `k` is at `i + k`. The entry of a character's first byte is its class, plus `n_symbols`
times the marks of the place before it; the others are -1. See `tokkit.text.regex.lookaround`.
"""

from tokkit.kernels.arrays import Bytes, Flags, Int32s, Int64s
from tokkit.kernels.leaf import leaf
from tokkit.kernels.texts.scan import ScanTables, decode_class


@leaf
def fill_symbols(text: Bytes, bounds: Int64s, tables: ScanTables, symbols: Int32s) -> None:
    """Fill `symbols` (int32, bytes and pieces) with the classes of the characters, unmarked.

    Example:
        >>> symbols = int32s(0, 0, 0, 0, 0)
        >>> fill_symbols(bytes_of("né."), int64s(0, 4), letters, symbols); symbols.tolist()
        [0, 1, -1, 1, 3]
    """
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
def add_marks(
    symbols: Int32s, next_state: Int32s, marks: Int32s, backward: bool, end: int, n_symbols: int
) -> None:
    """Run one machine over all pieces, and add the marks that it gives to the symbols.

    `next_state` and `marks` are int32 (states, marked symbols).

    Example:
        >>> symbols, after_letter = int32s(0, 0, 1), np.array([[1, 0], [1, 0]], np.int32)
        >>> add_marks(symbols, after_letter, np.array([[0, 0], [1, 1]], np.int32), False, 1, 2)
        >>> symbols.tolist()  # of two letters and the end: the places behind letters are marked
        [0, 2, 3]
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
def find_marked_match(symbols: Int32s, start: int, stop: int, steps: Int32s) -> int:
    """End of the match that starts at entry `start`; -1 if none. `stop` is the end of the piece.

    Example:
        >>> find_marked_match(int32s(0, 0, 1, 3), 0, 3, letters.steps)
        2
    """
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
def cut_marked(
    symbols: Int32s, bounds: Int64s, steps: Int32s, ends: Int64s, is_match: Flags
) -> int:
    """As `tokkit.kernels.texts.scan.cut`, on marked symbols.

    Example:
        >>> n = cut_marked(int32s(0, 0, 1, 3), int64s(0, 3), letters.steps, ends, flags)
        >>> ends[:n].tolist(), flags[:n].tolist()
        ([2, 3], [True, False])
    """
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
