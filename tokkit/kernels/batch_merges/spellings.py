"""One id a string: what tokens spell, found again by a hash that concatenates.

The hash of s is the sum of s[k] B**(n - 1 - k), modulo 2**64, so that the hash of a + b is
hash(a) B**len(b) + hash(b): joining two tokens costs no look at their bytes. Equal hashes are
compared byte by byte, so that a collision costs time and nothing else. A merged string is kept as
the part of the batch's own bytes where it stood first, so that memory is linear in the batch.
"""

from typing import NamedTuple

import numpy as np

from tokkit.kernels.arrays import Bytes, Int32s, Int64s, Integer
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf

NONE = -1
# An odd multiplier without structure; B of the hash.
BASE = np.int64(6364136223846793005)


class Spellings(NamedTuple):
    """What each id spells; room for the ids to come.

    data: uint8, bytes that hold every spelling.
    offset, length: int64 (ids,), where in `data` an id's spelling stands.
    hash, power: int64 (ids,), of the spelling, and B to its length.
    mark: uint8 (ids,), what else tells spellings apart: bit 0 of how one begins, 1 of how it ends.
    """

    data: Bytes
    offset: Int64s
    length: Int64s
    hash: Int64s
    power: Int64s
    mark: Bytes


@leaf
def _slot(code: Integer, mark: Integer, n_slots: int) -> np.int64:
    spread = (np.int64(code) + np.int64(mark)) * BASE
    spread ^= spread >> 29
    return spread & (n_slots - 1)


@njit(cache=True, nogil=True)
def _alike(
    spellings: Spellings, token: Integer, offset: Integer, length: Integer, code: Integer, mark: int
) -> bool:
    """Whether an id spells what stands somewhere in the data."""
    if spellings.hash[token] != code or spellings.length[token] != length:
        return False
    if spellings.mark[token] != mark:
        return False
    start = spellings.offset[token]
    one, other = spellings.data[start : start + length], spellings.data[offset : offset + length]
    return bool((one == other).all())


@njit(cache=True, nogil=True)
def find_spelling(
    spellings: Spellings, slots: Int32s, offset: Integer, length: Integer, code: Integer, mark: int
) -> int:
    """The id in a table that spells `length` bytes of the data from `offset` on, or NONE.

    Example:
        >>> known = int32s(*[-1] * 8); enter_spelling(spellings, known, 2)
        >>> find_spelling(spellings, known, 2, 2, spellings.hash[2], 0)
        2
    """
    slot = _slot(code, mark, len(slots))
    while slots[slot] != NONE:
        if _alike(spellings, slots[slot], offset, length, code, mark):
            return slots[slot]
        slot = (slot + 1) & (len(slots) - 1)
    return NONE


@njit(cache=True, nogil=True)
def enter_spelling(spellings: Spellings, slots: Int32s, token: Integer) -> None:
    """Enter an id in a table that has a free slot; of ids that are alike, the first stays.

    Example:
        >>> known = int32s(*[-1] * 8); enter_spelling(spellings, known, 2); sorted(known)[-1]
        2
    """
    code, mark = spellings.hash[token], spellings.mark[token]
    slot = _slot(code, mark, len(slots))
    while slots[slot] != NONE:
        other = slots[slot]
        if _alike(spellings, other, spellings.offset[token], spellings.length[token], code, mark):
            return
        slot = (slot + 1) & (len(slots) - 1)
    slots[slot] = token


@njit(cache=True, nogil=True)
def hash_spellings(spellings: Spellings, n: int) -> None:
    """Fill `code` and `power` of the first `n` ids.

    Example:
        >>> hash_spellings(spellings, 5); spellings.hash[:2].tolist()
        [97, 98]
    """
    for token in range(n):
        code = np.int64(0)
        power = np.int64(1)
        for k in range(spellings.offset[token], spellings.offset[token] + spellings.length[token]):
            code = code * BASE + np.int64(spellings.data[k])
            power *= BASE
        spellings.hash[token] = code
        spellings.power[token] = power


@njit(cache=True, nogil=True)
def table_of(spellings: Spellings, tokens: Int32s) -> Int32s:
    """A table of some ids: int32, a power of two long and at most half full.

    Example:
        >>> known = table_of(spellings, int32s(2, 3)); len(known), sorted(known)[-2:]
        (8, [2, 3])
    """
    n_slots = 8
    while n_slots < 2 * len(tokens):
        n_slots *= 2
    slots = np.full(n_slots, NONE, np.int32)
    for token in tokens:
        enter_spelling(spellings, slots, np.int64(token))
    return slots


@njit(cache=True, nogil=True)
def spell_batch(spellings: Spellings, symbols: Int32s, place_offset: Int64s, data: Bytes) -> None:
    """Write the bytes of a batch's symbols one after the other.

    Inputs:
        place_offset: int64 (n + 1,), where in `data` the bytes of each symbol go.

    Example:
        >>> data, offset = bytes_of("...."), int64s(0, 2, 3, 4)
        >>> spell_batch(spellings, int32s(2, 0, 1), offset, data); bytes(data)
        b'abab'
    """
    for place in range(len(symbols)):
        start = spellings.offset[symbols[place]]
        for k in range(place_offset[place + 1] - place_offset[place]):
            data[place_offset[place] + k] = spellings.data[start + k]
