"""A hash table from a pair of tokens to the merge that joins them.

Open addressing with linear probing, at most half full; slot k is `slots[2 * k]`, the key
`left << 32 | right` (-1: empty), beside `slots[2 * k + 1]`, the value `rank << 32 | result`, so
that a probe touches one cache line. Most look-ups find nothing: a bitmap with at least sixteen bits
a merge, small enough for the inner caches, answers nearly all of those (a Bloom filter of one
hash).
"""

import numpy as np

from tokkit.kernels.arrays import Int32s, Int64s, Integer
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf

# 2**64 divided by the golden ratio, as a signed number (Knuth's multiplicative hashing).
GOLDEN = np.int64(-7046029254386353131)


@njit(cache=True, nogil=True)
def build(left: Int32s, right: Int32s, result: Int32s, rank: Int32s) -> tuple[Int64s, Int64s]:
    """Table of the merges; no two of them may have the same `left` and `right`.

    Inputs:
        left, right, result, rank: int32 (m,).

    Returns:
        `slots`: int64 (2 * s,), s a power of two; `bitmap`: int64 (b,), b a power of two.

    Example:
        >>> slots, bitmap = build(int32s(0), int32s(1), int32s(2), int32s(7))
        >>> find(slots, bitmap, np.int64(0), np.int64(1)) == 7 << 32 | 2
        True
    """
    n_slots = 8
    while n_slots < 2 * len(left):
        n_slots *= 2
    slots = np.full(2 * n_slots, -1, np.int64)
    bitmap = np.zeros(n_slots >> 3, np.int64)
    for k in range(len(left)):
        key = np.int64(left[k]) << 32 | np.int64(right[k])
        spread = key * GOLDEN
        spread ^= spread >> 32
        bit = spread & (64 * len(bitmap) - 1)
        bitmap[bit >> 6] |= np.int64(1) << (bit & 63)
        slot = spread & (n_slots - 1)
        while slots[2 * slot] != -1:
            slot = (slot + 1) & (n_slots - 1)
        slots[2 * slot] = key
        slots[2 * slot + 1] = np.int64(rank[k]) << 32 | np.int64(result[k])
    return slots, bitmap


@leaf
def find(slots: Int64s, bitmap: Int64s, left: Integer, right: Integer) -> np.int64:
    """`rank << 32 | result` of the merge of `left` and `right` (both int64), or -1.

    Example:
        >>> divmod(find(slots, bitmap, np.int64(2), np.int64(1)), 1 << 32)
        (1, 3)
    """
    key = left << 32 | right
    spread = key * GOLDEN
    spread ^= spread >> 32
    bit = spread & (64 * len(bitmap) - 1)
    if (bitmap[bit >> 6] >> (bit & 63)) & 1 == 0:
        return np.int64(-1)
    last = (len(slots) >> 1) - 1
    slot = spread & last
    while True:
        found = slots[2 * slot]
        if found == key:
            return slots[2 * slot + 1]
        if found == -1:
            return np.int64(-1)
        slot = (slot + 1) & last
