"""Divide pieces between bytes that do not belong together."""

from tokkit.kernels.arrays import Bytes, Flags, Int64s
from tokkit.kernels.leaf import leaf


@leaf
def divide(text: Bytes, bounds: Int64s, apart: Flags, parts: Int64s) -> int:
    """Divide each piece `text[bounds[k]:bounds[k + 1]]` between bytes that stand apart.

    Inputs:
        text: uint8 (n,). bounds: int64 (k + 1,), non-decreasing, 0 to n.
        apart: bool (65536,), by `before << 8 | behind`.
        parts: int64 (n + 2,), filled with the bounds of the parts, none of them empty.

    Returns:
        How many bounds there are.

    Example:
        >>> apart = np.arange(65536) == ord("b") << 8 | ord("a")
        >>> n = divide(bytes_of("abba"), int64s(0, 1, 4), apart, starts)
        >>> starts[:n].tolist()
        [0, 1, 3, 4]
    """
    parts[0] = 0
    n = 1
    for k in range(len(bounds) - 1):
        start, stop = bounds[k], bounds[k + 1]
        if start == stop:
            continue
        before = int(text[start])
        for i in range(start + 1, stop):
            behind = int(text[i])
            parts[n] = i  # a place is written before each byte, and counted if it is one
            n += int(apart[before << 8 | behind])
            before = behind
        parts[n] = stop
        n += 1
    return n
