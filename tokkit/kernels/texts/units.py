"""Merge words into units of a least length, and find units that end on a byte of a kind.

An *end* is an offset between two bytes. What is carried from one stretch of a text to the next is
`kept`, zeros before the first byte.
"""

import numpy as np

from tokkit.kernels.arrays import Bytes, Flags, Int64s
from tokkit.kernels.leaf import leaf

N_FIELDS = 4
_RUN, _AFTER_ONE, LENGTH, _HASH = range(N_FIELDS)
"""Bytes since the last end that `ends_on_bytes` found, whether the last byte was of the kind; bytes
of the unit in progress, and the state of their hash (0 where there are none)."""

_FNV_PRIME = np.int64(1099511628211)
_FNV_BASIS = np.int64(-3750763034362895579)


@leaf
def ends_on_bytes(
    text: Bytes, kind: Flags, first_only: bool, limit: int, kept: Int64s, found: Int64s
) -> int:
    """Find the ends behind bytes of a kind.

    Inputs:
        text: uint8 (n,), what follows what `kept` has seen.
        kind: bool (256,).
        first_only: of a run of such bytes, only behind the first.
        limit: bytes from end to end, at most.
        kept: int64 (N_FIELDS,), changed in place.
        found: int64 (n,) at least; filled with offsets in `text`, from 1 to n.

    Returns:
        How many were found.

    Example:
        >>> kept = np.zeros(N_FIELDS, np.int64)
        >>> kind = np.arange(256) == ord(" ")
        >>> n = ends_on_bytes(bytes_of("a  bbbb"), kind, True, 3, kept, starts)
        >>> starts[:n].tolist()
        [2, 5]
    """
    n_found = 0
    for i in range(len(text)):
        one = kind[text[i]]
        kept[_RUN] += 1
        if (one and not (first_only and kept[_AFTER_ONE])) or kept[_RUN] >= limit:
            found[n_found] = i + 1
            n_found += 1
            kept[_RUN] = 0
        kept[_AFTER_ONE] = one
    return n_found


@leaf
def merge_to_least(n_bytes: int, n_found: int, least: int, kept: Int64s, found: Int64s) -> int:
    """Of the ends found in a text, keep the first ones behind at least so many bytes.

    Inputs:
        n_bytes: of the text, which follows what `kept` has seen.
        n_found: how many there are.
        least: bytes from one that is kept to the next, at least.
        kept: int64 (N_FIELDS,), changed in place.
        found: int64, increasing, from 0 to `n_bytes`; those that are kept come to stand first.

    Returns:
        How many are kept.

    Example:
        >>> kept = np.zeros(N_FIELDS, np.int64)
        >>> starts[:4] = 1, 3, 4, 5
        >>> n = merge_to_least(6, 4, 2, kept, starts)
        >>> starts[:n].tolist(), kept[2]
        ([3, 5], 1)
    """
    n_kept = 0
    last = -kept[LENGTH]
    for k in range(n_found):
        if found[k] - last >= least:
            last = found[k]
            found[n_kept] = last
            n_kept += 1
    kept[LENGTH] = n_bytes - last
    return n_kept


@leaf
def hash_prefixes(text: Bytes, ends: Int64s, kept: Int64s, units: Int64s, prefixes: Int64s) -> None:
    """Hash each unit, and each beginning of one (FNV-1a, 64 bits, with the high bits folded down).

    Inputs:
        text: uint8 (n,), what follows what `kept` has seen.
        ends: int64 (u,), of units, increasing, from 0 to n.
        kept: int64 (N_FIELDS,), changed in place.
        units: int64 (u,), filled: of all bytes of each unit.
        prefixes: int64 (n,), filled: of the bytes from the beginning of the unit to each byte.

    Example:
        >>> kept = np.zeros(N_FIELDS, np.int64)
        >>> units, prefixes = np.zeros(2, np.int64), np.zeros(5, np.int64)
        >>> hash_prefixes(bytes_of("ababa"), int64s(2, 4), kept, units, prefixes)
        >>> units[0] == units[1] == prefixes[1] == prefixes[3], prefixes[0] == prefixes[4]
        (True, True)
    """
    k = 0
    value = kept[_HASH]
    for i in range(len(text) + 1):
        if k < len(ends) and ends[k] == i:
            units[k] = value ^ (value >> 29)
            value = np.int64(0)
            k += 1
        if i < len(text):
            if value == 0:
                value = _FNV_BASIS
            value = (value ^ np.int64(text[i])) * _FNV_PRIME
            prefixes[i] = value ^ (value >> 29)
    kept[_HASH] = value
