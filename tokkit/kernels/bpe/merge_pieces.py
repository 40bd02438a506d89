"""BPE of pieces that come as tokens, not as bytes: merges by rank, the leftmost first, with a heap.

For vocabularies whose tokens tell where in a word they stand, so that its bytes alone do not say
what merges start from.
"""

import heapq

import numpy as np

from tokkit.kernels.arrays import Bytes, Int32s, Int64s, Integer
from tokkit.kernels.bpe.pair_table import find
from tokkit.kernels.caching import njit
from tokkit.kernels.texts.utf8 import character_length, code_point


@njit(cache=True, nogil=True)
def merge_pieces(
    slots: Int64s, bitmap: Int64s, atoms: Int64s, bounds: Int64s, ids: Int32s, last: Int64s
) -> int:
    """Merge each piece `atoms[bounds[k]:bounds[k + 1]]` on its own.

    Inputs:
        slots, bitmap: the merges, as of `pair_table.build`.
        atoms: int64 (n,), tokens; negative ones merge with nothing.
        bounds: int64 (k + 1,), non-decreasing, 0 to n.
        ids: int32, last: int64, (n,): what comes out, and the last atom of each.

    Returns:
        How many ids there are. O(n log n).

    Example:
        >>> n = merge_pieces(slots, bitmap, int64s(0, 1, 1, 0), int64s(0, 4), ids, ends)
        >>> ids[:n].tolist(), ends[:n].tolist()
        ([3, 0], [2, 3])
    """
    n_ids = 0
    heap = [np.int64(0)]
    heap.pop()
    for k in range(len(bounds) - 1):
        start, stop = bounds[k], bounds[k + 1]
        token = atoms[start:stop].copy()
        n = len(token)
        following = np.arange(1, n + 1)
        previous = np.arange(-1, n - 1)
        for i in range(n - 1):
            merge = _merge_of(slots, bitmap, token[i], token[i + 1])
            if merge != -1:
                heap.append((merge >> 32) << 32 | i)
        heapq.heapify(heap)
        while heap:
            entry = heapq.heappop(heap)
            i = entry & 0xFFFFFFFF
            j = following[i]
            if j < 0 or j == n:
                continue
            merge = _merge_of(slots, bitmap, token[i], token[j])
            # An entry whose pair has changed is stale, unless the new pair has that very rank.
            if merge == -1 or merge >> 32 != entry >> 32:
                continue
            token[i] = merge & 0xFFFFFFFF
            following[i] = following[j]
            following[j] = -1
            if following[i] < n:
                previous[following[i]] = i
            for left in (previous[i], i):
                if left >= 0 and following[left] < n:
                    merge = _merge_of(slots, bitmap, token[left], token[following[left]])
                    if merge != -1:
                        heapq.heappush(heap, (merge >> 32) << 32 | left)
        i = np.int64(0)
        while i < n:
            ids[n_ids] = token[i]
            i = following[i]
            last[n_ids] = start + i - 1
            n_ids += 1
    return n_ids


@njit(cache=True, nogil=True)
def _merge_of(slots: Int64s, bitmap: Int64s, left: Integer, right: Integer) -> np.int64:
    if left < 0 or right < 0:
        return np.int64(-1)
    return find(slots, bitmap, left, right)


@njit(cache=True, nogil=True)
def find_atoms(
    text: Bytes,
    bounds: Int64s,
    table: Int32s,
    characters: bool,
    atoms: Int64s,
    ends: Int64s,
    atom_bounds: Int64s,
) -> int:
    """The tokens that merges start from, by what stands where in its piece.

    Inputs:
        text: uint8 (n,). bounds: int64 (k + 1,), non-decreasing, 0 to n.
        table: int32 (4, u): the token of a byte or code point that begins a piece, that begins and
            ends one, that stands inside, that ends one; -1: there is none.
        characters: whether units are characters (a stray byte is one, and unknown), else bytes.
        atoms: int64, ends: int64, (n,): filled with the tokens (-1: unknown), and where in the
            text each ends.
        atom_bounds: int64 (k + 1,), filled with where pieces begin among the atoms.

    Returns:
        How many atoms there are.

    Example:
        >>> table = np.arange(4 * 256, dtype=np.int32).reshape(4, 256)  # 256 * place + byte
        >>> n = find_atoms(bytes_of("ab"), int64s(0, 2), table, False, starts, ends, int64s(0, 0))
        >>> starts[:n].tolist() == [ord("a"), 3 * 256 + ord("b")]
        True
    """
    n = 0
    atom_bounds[0] = 0
    for k in range(len(bounds) - 1):
        start, stop = bounds[k], bounds[k + 1]
        pos = start
        while pos < stop:
            length = character_length(text, pos, stop) if characters else 1
            unit = code_point(text, pos, length)
            known = unit < table.shape[1] and not (characters and length == 1 and unit >= 0x80)
            place = 2 * (pos > start) + (pos + length == stop)
            pos += length
            atoms[n] = table[place, unit] if known else -1
            ends[n] = pos
            n += 1
        atom_bounds[k + 1] = n
    return n
