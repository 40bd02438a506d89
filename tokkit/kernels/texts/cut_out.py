"""Take tokens out of a text, and put their ids between those of what is left."""

import numpy as np

from tokkit.kernels.arrays import Bytes, Int32s, Int64s
from tokkit.kernels.leaf import leaf


@leaf
def cut_out(text: Bytes, starts: Int64s, stops: Int64s, left: Bytes, bounds: Int64s) -> int:
    """Take spans out of a text.

    Inputs:
        text: uint8 (n,).
        starts, stops: int64 (k,), of the spans, in order, none inside another.
        left: uint8 (n,), filled with what lies before, between and behind them.
        bounds: int64 (k + 2,), filled with where each of these stretches begins in `left`, some of
            them empty, and where the last one ends.

    Returns:
        How many bytes are left.

    Example:
        >>> left, bounds = np.zeros(6, np.uint8), np.zeros(4, np.int64)
        >>> n = cut_out(bytes_of("abbabc"), int64s(1, 3), int64s(3, 4), left, bounds)
        >>> bytes(left[:n]), bounds.tolist()
        (b'abc', [0, 1, 1, 3])
    """
    n = np.int64(0)
    begin = np.int64(0)
    for k in range(len(starts) + 1):
        bounds[k] = n
        end = starts[k] if k < len(starts) else np.int64(len(text))
        for i in range(begin, end):
            left[n] = text[i]
            n += 1
        if k < len(starts):
            begin = stops[k]
    bounds[len(starts) + 1] = n
    return int(n)


@leaf
def put_between(ids: Int32s, last: Int64s, tokens: Int32s, places: Int64s, merged: Int32s) -> None:
    """Put tokens between ids, each before those of the bytes from its place on.

    Inputs:
        ids: int32 (m,); last: int64 (m,), ascending, the last byte that each stands for.
        tokens: int32 (k,); places: int64 (k,), non-decreasing.
        merged: int32 (m + k,), filled with all of them.

    Example:
        >>> merged = int32s(-1, -1, -1, -1)
        >>> put_between(int32s(3, 4), int64s(2, 3), int32s(0, 1), int64s(0, 3), merged)
        >>> merged.tolist()
        [0, 3, 1, 4]
    """
    n = 0
    for k in range(len(tokens)):
        while n < len(ids) and last[n] < places[k]:
            merged[n + k] = ids[n]
            n += 1
        merged[n + k] = tokens[k]
    for i in range(n, len(ids)):
        merged[i + len(tokens)] = ids[i]
