"""The k largest of many numbers, in one pass: a heap whose top is the smallest of those kept.

Of equal numbers the one with the lower id is kept.
"""

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.arrays import Int32s, Integer
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf

Float32s = NDArray[np.float32]


@leaf
def _goes_first(value: np.float32, token: Integer, other: np.float32, other_token: Integer) -> bool:
    """Whether the first of two is the first to go."""
    return bool(value < other or (value == other and token > other_token))


@leaf
def _sift_down(values: Float32s, ids: Int32s) -> None:
    """Restore the heap after its top has changed."""
    size = len(values)
    value, token = values[0], ids[0]
    position = 0
    while 2 * position + 1 < size:
        child = 2 * position + 1
        if child + 1 < size and _goes_first(
            values[child + 1], ids[child + 1], values[child], ids[child]
        ):
            child += 1
        if not _goes_first(values[child], ids[child], value, token):
            break
        values[position], ids[position] = values[child], ids[child]
        position = child
    values[position], ids[position] = value, token


@njit(cache=True, nogil=True)
def keep_largest(numbers: Float32s, first: int, values: Float32s, ids: Int32s) -> None:
    """Keep the largest of some more numbers.

    Inputs:
        numbers: float32 (n,), of the ids from `first` on, which are above all that are kept.
        values, ids: float32 and int32 (k,), the heap; -infinity and -1 at first. Changed.

    Example:
        >>> kept, ids = np.full(2, -np.inf, np.float32), int32s(-1, -1)
        >>> keep_largest(np.array([1, 7, 5], np.float32), 10, kept, ids); sorted(ids.tolist())
        [11, 12]
    """
    for k in range(len(numbers)):
        if numbers[k] > values[0]:
            values[0], ids[0] = numbers[k], first + k
            _sift_down(values, ids)
