"""Ranges of byte-sorted tokens that agree up to some depth: narrow them, and add up over them.

Tokens are the slices `data[offsets[i]:offsets[i + 1]]` of one array of bytes, in ascending order.
"""

import numpy as np

from tokkit.kernels.arrays import Bytes, Float64s, Floats, Int64s
from tokkit.kernels.caching import njit


@njit(cache=True, nogil=True)
def narrow(
    data: Bytes, offsets: Int64s, low: int, high: int, depth: int, byte: int
) -> tuple[int, int]:
    """Those of the tokens `low:high`, all longer than `depth`, that have `byte` there.

    Args:
        data: uint8, the tokens' bytes.
        offsets: int64 (n + 1,).
        low: first of the range; its tokens are alike before `depth`.
        high: one past the last.
        depth: which byte.
        byte: its value.

    Returns:
        First and one past the last; equal if there are none.

    Example:
        >>> narrow(bytes_of("aabb"), int64s(0, 1, 3, 4), 0, 3, 0, ord("a"))  # of a, ab, b
        (0, 2)
    """
    bounds = (low, high)
    for k in range(2):
        left, right = bounds[0], high
        while left < right:
            middle = (left + right) >> 1
            if data[offsets[middle] + depth] < byte + k:
                left = middle + 1
            else:
                right = middle
        bounds = (left, high) if k == 0 else (bounds[0], left)
    return bounds


# The order of the additions is left to the compiler, which then adds several numbers at a time. It
# does not where Numba tests for indices that may be negative, nor in a loop over a slice.
@njit(cache=True, nogil=True, fastmath={"reassoc"})
def range_sum(values: Floats, low: int, high: int) -> float:
    """The sum of `values[low:high]`, in float64; neither bound is negative.

    Example:
        >>> range_sum(np.array([1.0, 2.0, 4.0]), 1, 3)
        6.0
    """
    total = 0.0
    for i in range(np.uint64(low), np.uint64(high)):
        total += values[i]
    return total


@njit(cache=True, nogil=True)
def _run_end(data: Bytes, offsets: Int64s, first: int, high: int, depth: int) -> int:
    """One past the last of the tokens `first:high` that have the byte of the first at `depth`."""
    byte = data[offsets[first] + depth]
    left, right, step = first + 1, first + 1, 1
    while right < high and data[offsets[right] + depth] == byte:
        left = right + 1
        right += step
        step *= 2
    right = min(right, high)
    while left < right:
        middle = (left + right) >> 1
        if data[offsets[middle] + depth] == byte:
            left = middle + 1
        else:
            right = middle
    return left


@njit(cache=True, nogil=True)
def byte_sums(
    data: Bytes,
    offsets: Int64s,
    low: int,
    depth: int,
    values: Floats,
    factor: float,
    sums: Float64s,
) -> None:
    """Add the values of tokens that stand side by side to the sum of their byte at `depth`.

    Tokens with the same byte follow one another, and few bytes do: only the ends of such runs are
    looked for.

    Args:
        data: uint8, the tokens' bytes.
        offsets: int64 (n + 1,).
        low: the token of `values[0]`; all the tokens are alike before `depth`.
        depth: which byte; every token is longer.
        values: float (k,).
        factor: of every value.
        sums: float64 (at least 256,), added to.

    Example:
        >>> values = np.array([1.0, 2.0, 4.0])  # of a, ab, b
        >>> byte_sums(bytes_of("aabb"), int64s(0, 1, 3, 4), 0, 0, values, 10.0, sums)
        >>> sums[[ord("a"), ord("b")]].tolist()
        [30.0, 40.0]
    """
    first, high = low, low + len(values)
    while first < high:
        end = _run_end(data, offsets, first, high, depth)
        part = range_sum(values, first - low, end - low)
        sums[data[offsets[first] + depth]] += factor * part
        first = end
