"""Numbers for pairs of ids, in the order in which they are first seen; the table grows.

Open addressing with linear probing, at most half full: slot k is `slots[2 * k]`, the key
`left << 32 | right` (-1: empty), beside `slots[2 * k + 1]`, the pair's number.
"""

import numpy as np

from tokkit.kernels.arrays import Int64s, Integer
from tokkit.kernels.bpe.pair_table import GOLDEN
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf

EMPTY = -1


@leaf
def slot_of(slots: Int64s, key: np.int64) -> np.int64:
    """The slot of a key, or the empty one where it would go.

    Example:
        >>> slots = int64s(*[-1] * 16); slot = slot_of(slots, np.int64(1)); slots[2 * slot]
        -1
    """
    last = (len(slots) >> 1) - 1
    spread = key * GOLDEN
    spread ^= spread >> 32
    slot = spread & last
    while slots[2 * slot] != EMPTY and slots[2 * slot] != key:
        slot = (slot + 1) & last
    return slot


@leaf
def number_of(slots: Int64s, left: Integer, right: Integer) -> np.int64:
    """The number of a pair, or EMPTY.

    Example:
        >>> number_of(int64s(*[-1] * 16), 0, 1)
        -1
    """
    slot = slot_of(slots, np.int64(left) << 32 | np.int64(right))
    return np.int64(EMPTY) if slots[2 * slot] == EMPTY else slots[2 * slot + 1]


@njit(cache=True, nogil=True)
def with_room(slots: Int64s, n_pairs: Integer, n_more: Integer) -> Int64s:
    """The table, or a larger copy of it if `n_more` pairs would fill more than half.

    Example:
        >>> slots = int64s(0 << 32 | 1, 5, *[-1] * 6); larger = with_room(slots, 1, 2)
        >>> len(larger) // 2, number_of(larger, 0, 1)
        (8, 5)
    """
    n_slots = len(slots) >> 1
    if 2 * (n_pairs + n_more) <= n_slots:
        return slots
    while 2 * (n_pairs + n_more) > n_slots:
        n_slots *= 2
    larger = np.full(2 * n_slots, EMPTY, np.int64)
    for k in range(len(slots) >> 1):
        if slots[2 * k] != EMPTY:
            slot = slot_of(larger, slots[2 * k])
            larger[2 * slot] = slots[2 * k]
            larger[2 * slot + 1] = slots[2 * k + 1]
    return larger
