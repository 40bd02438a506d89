"""Find equal words in a text: a hash table from the bytes of a word to its number.

Open addressing with linear probing, at most half full. Words that hash alike are compared byte by
byte, so the result never depends on the hash.
"""

import numpy as np

from tokkit.kernels.arrays import Bytes, Int32s, Int64s, Integer
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf

_FNV_PRIME = np.int64(1099511628211)
_FNV_BASIS = np.int64(-3750763034362895579)


@leaf
def _hash(text: Bytes, start: Integer, end: Integer) -> np.int64:
    """FNV-1a, 64 bits, with the high bits folded down."""
    value = _FNV_BASIS
    for k in range(start, end):
        value = (value ^ np.int64(text[k])) * _FNV_PRIME
    return value ^ (value >> 29)


@leaf
def _same(text: Bytes, a: Integer, b: Integer, length: Integer) -> bool:
    k = 0
    while k < length and text[a + k] == text[b + k]:
        k += 1
    return k == length


@njit(cache=True, nogil=True)
def number_words(text: Bytes, starts: Int64s) -> tuple[Int32s, Int64s]:
    """Number the words of a text in the order in which they first occur.

    Inputs:
        text: uint8 (n,); starts: int64 (w + 1,), where each word starts.

    Returns:
        number: int32 (w,), the number of each word; first: int64 (d,), for each number the index of
        the first word that has it.

    Example:
        >>> number, first = number_words(bytes_of("abaab"), int64s(0, 2, 3, 5))  # ab, a, ab
        >>> number.tolist(), first.tolist()
        ([0, 1, 0], [0, 1])
    """
    n_words = len(starts) - 1
    number = np.empty(n_words, np.int32)
    first = np.empty(n_words, np.int64)
    n_distinct = 0
    slots = np.full(1024, -1, np.int32)
    for w in range(n_words):
        if 2 * n_distinct >= len(slots):
            slots = np.full(4 * len(slots), -1, np.int32)
            for k in range(n_distinct):
                slot = _hash(text, starts[first[k]], starts[first[k] + 1]) & (len(slots) - 1)
                while slots[slot] >= 0:
                    slot = (slot + 1) & (len(slots) - 1)
                slots[slot] = k
        start, length = starts[w], starts[w + 1] - starts[w]
        slot = _hash(text, start, start + length) & (len(slots) - 1)
        while True:
            known = slots[slot]
            if known < 0:
                slots[slot] = n_distinct
                first[n_distinct] = w
                number[w] = n_distinct
                n_distinct += 1
                break
            twin = first[known]
            if starts[twin + 1] - starts[twin] == length and _same(
                text, starts[twin], start, length
            ):
                number[w] = known
                break
            slot = (slot + 1) & (len(slots) - 1)
    return number, first[:n_distinct].copy()


@njit(cache=True, nogil=True)
def gather_words(text: Bytes, starts: Int64s, chosen: Int64s, out: Bytes) -> None:
    """Copy the words with the indices `chosen` into `out`, uint8, one after another.

    Example:
        >>> out = bytes_of("...")
        >>> gather_words(bytes_of("abaab"), int64s(0, 2, 3, 5), int64s(1, 0), out); out.tobytes()
        b'aab'
    """
    place = 0
    for w in chosen:
        for k in range(starts[w], starts[w + 1]):
            out[place] = text[k]
            place += 1
