"""Eight bytes of a text as one word, which the compiler makes one load of."""

import numpy as np

from tokkit.kernels.arrays import Bytes, Integer
from tokkit.kernels.leaf import leaf


@leaf
def eight_bytes(text: Bytes, start: Integer) -> np.uint64:
    """`text[start:start + 8]` as a number, the first byte the lowest; all of them must be there.

    Example:
        >>> hex(eight_bytes(bytes_of("abcdefgh"), 0))
        '0x6867666564636261'
    """
    # Places are unsigned: of signed ones Numba would ask whether they count from the end.
    i = np.uint64(start)
    return (
        np.uint64(text[i])
        | np.uint64(text[i + np.uint64(1)]) << np.uint64(8)
        | np.uint64(text[i + np.uint64(2)]) << np.uint64(16)
        | np.uint64(text[i + np.uint64(3)]) << np.uint64(24)
        | np.uint64(text[i + np.uint64(4)]) << np.uint64(32)
        | np.uint64(text[i + np.uint64(5)]) << np.uint64(40)
        | np.uint64(text[i + np.uint64(6)]) << np.uint64(48)
        | np.uint64(text[i + np.uint64(7)]) << np.uint64(56)
    )
