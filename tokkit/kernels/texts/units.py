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
of the unit in progress, and their hash."""

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
def merge_to_least(
    text: Bytes, n_found: int, least: int, kept: Int64s, found: Int64s, hashes: Int64s
) -> int:
    """Of the ends found in a text, keep the first ones behind at least so many bytes.

    Inputs:
        text: uint8 (n,), what follows what `kept` has seen.
        n_found: how many there are.
        least: bytes from one that is kept to the next, at least.
        kept: int64 (N_FIELDS,), changed in place.
        found: int64, increasing, from 0 to n; those that are kept come to stand first.
        hashes: int64 (n_found,) at least; filled with a hash (FNV-1a) of the bytes before each that
            is kept, from the one before.

    Returns:
        How many are kept.

    Example:
        >>> kept = np.zeros(N_FIELDS, np.int64)
        >>> starts[:4] = 1, 3, 4, 5
        >>> n = merge_to_least(bytes_of("ab cab"), 4, 2, kept, starts, starts.copy())
        >>> starts[:n].tolist(), kept[2]
        ([3, 5], 1)
    """
    n_kept = 0
    position = 0
    if kept[LENGTH] == 0:
        kept[_HASH] = _FNV_BASIS
    for k in range(n_found):
        end = found[k]
        _read(text, position, end, kept)
        position = end
        if kept[LENGTH] >= least:
            value = kept[_HASH]
            found[n_kept] = end
            hashes[n_kept] = value ^ (value >> 29)
            n_kept += 1
            kept[LENGTH] = 0
            kept[_HASH] = _FNV_BASIS
    _read(text, position, len(text), kept)
    return n_kept


@leaf
def _read(text: Bytes, start: int, end: int, kept: Int64s) -> None:
    """Take bytes into the unit in progress."""
    value = kept[_HASH]
    for i in range(start, end):
        value = (value ^ np.int64(text[i])) * _FNV_PRIME
    kept[_HASH] = value
    kept[LENGTH] += end - start
