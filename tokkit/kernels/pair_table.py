"""A hash table from a pair of tokens to the merge that joins them.

Open addressing with linear probing, at most half full; slot k is `table[2 * k]`, the key
`left << 32 | right` (-1: empty), beside `table[2 * k + 1]`, the value `rank << 32 | result`, so that
a probe touches one cache line.
"""

import numpy as np
from numba import njit

# 2**64 divided by the golden ratio, as a signed number (Knuth's multiplicative hashing).
GOLDEN = np.int64(-7046029254386353131)


@njit(cache=True, nogil=True)
def build(left, right, result, rank):
    """Table of the merges; no two of them may have the same `left` and `right`.

    Args:
        left, right, result, rank: int32 (m,).

    Returns:
        int64 (2 * slots,), slots a power of two.
    """
    slots = 2
    while slots < 2 * len(left):
        slots *= 2
    table = np.full(2 * slots, -1, np.int64)
    for k in range(len(left)):
        key = np.int64(left[k]) << 32 | np.int64(right[k])
        slot = ((key * GOLDEN) >> 20) & (slots - 1)
        while table[2 * slot] != -1:
            slot = (slot + 1) & (slots - 1)
        table[2 * slot] = key
        table[2 * slot + 1] = np.int64(rank[k]) << 32 | np.int64(result[k])
    return table


@njit(cache=True, nogil=True)
def find(table, left, right):
    """`rank << 32 | result` of the merge of `left` and `right`, or -1."""
    last = (len(table) >> 1) - 1
    key = np.int64(left) << 32 | np.int64(right)
    slot = ((key * GOLDEN) >> 20) & last
    while True:
        found = table[2 * slot]
        if found == key:
            return table[2 * slot + 1]
        if found == -1:
            return np.int64(-1)
        slot = (slot + 1) & last
