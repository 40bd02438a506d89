"""A hash table of tokens of a few bytes: most pieces of a text are one, and one probe finds it.

A *key* is two words: the first eight bytes of a piece, then up to seven more below its length. Open
addressing with linear probing, at most half full; slot k is `slots[2 * k]`, the first word, beside
`slots[2 * k + 1]`, the second with the token in the bytes that no short token has.
"""

import numpy as np

from tokkit.kernels.arrays import Bytes, Flags, Int32s, Int64s, Integer
from tokkit.kernels.bpe.pair_table import GOLDEN
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf
from tokkit.kernels.texts.eight_bytes import eight_bytes

LONGEST_KEY = 15
"""Bytes of the longest piece that has a key."""
LONGEST = 12
"""Bytes of the longest token in the table."""
LENGTH_SHIFT = 56
TOKEN_SHIFT = 32
TOKEN_MASK = 0xFFFFFF


@leaf
def key_of(text: Bytes, start: Integer, stop: Integer) -> tuple[np.int64, np.int64]:
    """The key of the piece `text[start:stop]` of 1 to 15 bytes.

    Example:
        >>> first, second = key_of(bytes_of("abbabc"), 0, 2)
        >>> first == ord("b") << 8 | ord("a"), second == 2 << LENGTH_SHIFT
        (True, True)
    """
    n = stop - start
    first, second = np.uint64(0), np.uint64(0)
    if start + 16 <= len(text):
        first, second = eight_bytes(text, start), eight_bytes(text, start + 8)
        first &= np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(8 * (8 - min(n, 8)))
        second &= (np.uint64(1) << np.uint64(8 * max(n - 8, 0))) - np.uint64(1)
    else:
        for i in range(min(n, 8)):
            first |= np.uint64(text[start + i]) << np.uint64(8 * i)
        for i in range(8, n):
            second |= np.uint64(text[start + i]) << np.uint64(8 * (i - 8))
    return np.int64(first), np.int64(second) | np.int64(n) << LENGTH_SHIFT


@leaf
def spread(first: Integer, second: Integer) -> Integer:
    """A hash of a key, whose low bits count.

    Example:
        >>> spread(np.int64(1), np.int64(0)) != spread(np.int64(2), np.int64(0))
        True
    """
    mixed = (first ^ second * 31) * GOLDEN
    return mixed ^ mixed >> 32


@leaf
def find(slots: Int64s, first: Integer, second: Integer, hashed: Integer) -> Integer:
    """The token that is spelt as the piece of 1 to 12 bytes with this key and its hash, or -1.

    Example:
        >>> key = key_of(bytes_of("abb"), 0, 3)
        >>> find(short_tokens, *key, spread(*key)) == 3
        True
    """
    last = (len(slots) >> 1) - 1
    slot = hashed & last
    while True:
        entry = slots[2 * slot + 1]
        if slots[2 * slot] == first and (entry ^ second) & ~(TOKEN_MASK << TOKEN_SHIFT) == 0:
            return (entry >> TOKEN_SHIFT) & TOKEN_MASK
        if entry == 0:
            return np.int64(-1)
        slot = (slot + 1) & last


@njit(cache=True, nogil=True)
def build(blob: Bytes, offsets: Int64s, order: Int32s, chosen: Flags) -> Int64s:
    """The table of the short ones among some tokens.

    Inputs:
        blob: uint8, the bytes of all tokens one after the other.
        offsets: int64 (V + 1,), where each token begins in `blob`.
        order: int32 (k,), ids, no two spelt alike, none empty.
        chosen: bool (V,), which of them are entered.

    Returns:
        `slots`: int64 (2 * s,), s a power of two.

    Example:
        >>> blob, offsets = bytes_of("aab"), int64s(0, 1, 3)
        >>> len(build(blob, offsets, int32s(0, 1), np.ones(2, np.bool_)))
        16
    """
    n_slots = 8
    while n_slots < 2 * len(order):
        n_slots *= 2
    slots = np.zeros(2 * n_slots, np.int64)
    for token in order:
        start, stop = offsets[token], offsets[token + 1]
        if not chosen[token] or stop - start > LONGEST:
            continue
        first, second = key_of(blob, start, stop)
        slot = spread(first, second) & (n_slots - 1)
        while slots[2 * slot + 1] != 0:
            slot = (slot + 1) & (n_slots - 1)
        slots[2 * slot] = first
        slots[2 * slot + 1] = second | np.int64(token) << TOKEN_SHIFT
    return slots
