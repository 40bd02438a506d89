"""Lengths and numbers of UTF-8 characters."""

import numpy as np

from tokkit.kernels.arrays import Bytes, Integer
from tokkit.kernels.caching import njit


@njit(cache=True, nogil=True)
def character_length(text: Bytes, pos: Integer, stop: Integer) -> int:
    """Bytes of the well-formed character at `pos` that ends by `stop`; 1 for a stray byte.

    Source: The Unicode Standard, table 3-7 (no surrogates, no overlong forms).

    Example:
        >>> [character_length(bytes_of("né"), pos, 3) for pos in (0, 1, 2)]
        [1, 2, 1]
    """
    lead = text[pos]
    low, high = np.uint8(0x80), np.uint8(0xBF)
    if 0xC2 <= lead <= 0xDF:
        length = 2
    elif 0xE0 <= lead <= 0xEF:
        length = 3
        if lead == 0xE0:
            low = np.uint8(0xA0)
        elif lead == 0xED:
            high = np.uint8(0x9F)
    elif 0xF0 <= lead <= 0xF4:
        length = 4
        if lead == 0xF0:
            low = np.uint8(0x90)
        elif lead == 0xF4:
            high = np.uint8(0x8F)
    else:
        return 1
    if pos + length > stop or text[pos + 1] < low or text[pos + 1] > high:
        return 1
    for i in range(pos + 2, pos + length):
        if text[i] < 0x80 or text[i] > 0xBF:
            return 1
    return length


@njit(cache=True, nogil=True)
def code_point(text: Bytes, pos: Integer, length: int) -> Integer:
    """The number of the well-formed character of `length` bytes at `pos`.

    Example:
        >>> chr(code_point(bytes_of("né"), 1, 2))
        'é'
    """
    if length == 1:
        return np.int64(text[pos])
    point = np.int64(text[pos]) & (0x7F >> length)
    for i in range(pos + 1, pos + length):
        point = point << 6 | np.int64(text[i]) & 0x3F
    return point
