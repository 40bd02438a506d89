"""How the count of every pair changes while a merge list is replayed, and what follows from that.

`record` writes each change down once: (step, pair, word, +1 or -1). What a linear program over
category weights asks is then answered by walking through the changes, without any words:

- `most_frequent`: which pairs, under given weights, beat the one that was merged;
- `counts_at`: how often some pairs stand in each category at some steps.
"""

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.arrays import Float64s, Int32s, Int64s, Integer
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf
from tokkit.kernels.merge_lists.merge_replay import (
    NOWHERE,
    Chain,
    Places,
    Weights,
    note,
    standing_places,
    stands,
)


@leaf
def _write(
    changes: tuple[Int64s, Int32s, NDArray[np.int8]],
    n: int,
    chain: Chain,
    left_place: Integer,
    right_place: Integer,
    sign: int,
    place: Integer,
) -> int:
    """Write down that the pair at two places comes (+1) or goes (-1), if merges can touch it."""
    left, right = chain.symbol[left_place], chain.symbol[right_place]
    if left == NOWHERE or right == NOWHERE:
        return n
    changes[0][n] = np.int64(left) << 32 | np.int64(right)
    changes[1][n] = chain.word[place]
    changes[2][n] = sign
    return n + 1


@njit(cache=True, nogil=True)
def record(
    chain: Chain,
    places: Places,
    slots: Int64s,
    bitmap: Int64s,
    merges: Int32s,
    starts: Int64s,
    pair: Int64s,
    word: Int32s,
    sign: NDArray[np.int8],
) -> None:
    """Apply all merges, and write down every change of a pair's count.

    Inputs:
        chain, places, slots, bitmap: see `merge_replay`; changed in place.
        merges: int32 (m, 3).
        starts: int64 (m + 2,), filled: the changes of merge t are those from `starts[t + 1]` on,
            before it those of the words as they are at first; the last entry is how many there are.
        pair, word, sign: int64, int32 and int8 (6 n,), filled.

    Example:
        >>> note_all(chain, places, slots, bitmap); changes = starts, ids, np.zeros(30, np.int8)
        >>> record(chain, places, slots, bitmap, merges, ends, *changes); ends[:4].tolist()
        [0, 3, 7, 8]
    """
    changes = (pair, word, sign)
    n = 0
    starts[0] = 0
    for place in range(len(chain.symbol)):
        after = chain.following[place]
        if after != NOWHERE:
            n = _write(changes, n, chain, place, after, 1, place)
    for t in range(len(merges)):
        starts[t + 1] = n
        left, right, result = merges[t]
        for place in standing_places(chain, places, t, left, right):
            if not stands(chain, place, left, right):
                continue
            swallowed = chain.following[place]
            before, after = chain.previous[place], chain.following[swallowed]
            n = _write(changes, n, chain, place, swallowed, -1, place)
            if before != NOWHERE:
                n = _write(changes, n, chain, before, place, -1, place)
            if after != NOWHERE:
                n = _write(changes, n, chain, swallowed, after, -1, place)
            chain.symbol[place] = result
            chain.symbol[swallowed] = NOWHERE
            chain.following[place] = after
            if after != NOWHERE:
                chain.previous[after] = place
                n = _write(changes, n, chain, place, after, 1, place)
            if before != NOWHERE:
                n = _write(changes, n, chain, before, place, 1, place)
                note(chain, places, slots, bitmap, before)
            note(chain, places, slots, bitmap, place)
    starts[len(merges) + 1] = n


@leaf
def _sift_down(heap: Int32s, keys: Float64s, where: Int32s, position: Integer, size: int) -> None:
    """Restore the heap (largest key on top) below a position."""
    item = heap[position]
    while True:
        child = 2 * position + 1
        if child >= size:
            break
        if child + 1 < size and keys[heap[child + 1]] > keys[heap[child]]:
            child += 1
        if keys[heap[child]] <= keys[item]:
            break
        heap[position] = heap[child]
        where[heap[position]] = position
        position = child
    heap[position] = item
    where[item] = position


@leaf
def _sift_up(heap: Int32s, keys: Float64s, where: Int32s, position: Integer) -> None:
    """Restore the heap above a position."""
    item = heap[position]
    while position > 0:
        parent = (position - 1) >> 1
        if keys[heap[parent]] >= keys[item]:
            break
        heap[position] = heap[parent]
        where[heap[position]] = position
        position = parent
    heap[position] = item
    where[item] = position


@leaf
def _largest(
    heap: Int32s,
    keys: Float64s,
    limit: float,
    skip: Integer,
    frontier: Int64s,
    out_pair: Int32s,
    out_excess: Float64s,
) -> None:
    """The items with the largest keys above `limit`, but for `skip`; -1 where there are no more.

    Walks down from the top of the heap, along a frontier of positions whose parents are taken.
    """
    frontier[0], size, found = 0, 1, 0
    while size and found < len(out_pair):
        best = 0
        for k in range(1, size):
            if keys[heap[frontier[k]]] > keys[heap[frontier[best]]]:
                best = k
        position = frontier[best]
        size -= 1
        frontier[best] = frontier[size]
        item = heap[position]
        if keys[item] <= limit:
            break
        if item != skip:
            out_pair[found] = item
            out_excess[found] = keys[item] - limit
            found += 1
        for child in range(2 * position + 1, min(2 * position + 3, len(heap))):
            frontier[size] = child
            size += 1
    out_pair[found:] = -1


@njit(cache=True, nogil=True)
def most_frequent(
    starts: Int64s,
    pair: Int32s,
    change: Float64s,
    chosen: Int32s,
    slack: Float64s,
    allowance: Float64s,
    out_pair: Int32s,
    out_excess: Float64s,
) -> None:
    """The pairs that beat the merged one by most at each step, under given category weights.

    Inputs:
        starts: int64 (m + 2,), of `record`.
        pair: int32 (e,), the number of each change's pair.
        change: float64 (e,), what it adds to the weighted count.
        chosen: int32 (m,), the number of each merge's pair; -1 if it never stands in the words.
        slack: float64 (p,), what is forgiven each pair.
        allowance: float64 (m,), what is forgiven each merge.
        out_pair, out_excess: int32 and float64 (m, k), filled: the pairs, the worst first, and by
            how much they exceed what is forgiven; -1 where there are no more.

    Example:
        >>> pairs, excess, counts = np.zeros((1, 1), int), np.zeros((1, 1)), np.array([3.0, 5.0])
        >>> starts, none = int64s(0, 2, 2), np.zeros(2)  # pair 0, of count 3, is merged
        >>> most_frequent(starts, int32s(0, 1), counts, int32s(0), none, none, pairs, excess)
        >>> pairs.tolist(), excess.tolist()
        ([[1]], [[2.0]])
    """
    n_pairs = len(slack)
    keys = -slack
    for k in range(starts[1]):
        keys[pair[k]] += change[k]
    heap = np.arange(n_pairs).astype(np.int32)
    where = heap.copy()
    for position in range(n_pairs // 2 - 1, -1, -1):
        _sift_down(heap, keys, where, position, n_pairs)
    # The chosen item gives its place on the frontier to its children, and so does each one found.
    frontier = np.empty(out_pair.shape[1] + 3, np.int64)
    for t in range(len(chosen)):
        limit = allowance[t]
        if chosen[t] >= 0:
            limit += keys[chosen[t]] + slack[chosen[t]]
        _largest(heap, keys, limit, chosen[t], frontier, out_pair[t], out_excess[t])
        for k in range(starts[t + 1], starts[t + 2]):
            keys[pair[k]] += change[k]
            if change[k] > 0:
                _sift_up(heap, keys, where, where[pair[k]])
            else:
                _sift_down(heap, keys, where, where[pair[k]], n_pairs)


@njit(cache=True, nogil=True)
def counts_at(
    starts: Int64s,
    pair: Int32s,
    word: Int32s,
    sign: NDArray[np.int8],
    weights: Weights,
    wanted_starts: Int64s,
    wanted: Int32s,
    row_of: Int32s,
    out: Int64s,
) -> None:
    """How often pairs stand in each category just before some merges.

    Inputs:
        starts, pair, word, sign: the changes, with the number of each one's pair.
        weights: `merge_replay.Weights`.
        wanted_starts: int64 (m + 1,), wanted: int32 (r,): before merge t, the pairs
            `wanted[wanted_starts[t]:wanted_starts[t + 1]]`.
        row_of: int32 (p,), a row for each pair that is ever wanted, -1 for others.
        out: int64 (r, c), filled.

    Example:
        >>> changes = int64s(0, 2, 2), int32s(0, 0), int32s(0, 1), np.ones(2, np.int8)
        >>> out = np.zeros((1, 2), np.int64)
        >>> counts_at(*changes, weights, int64s(0, 1), int32s(0), int32s(0), out); out.tolist()
        [[2, 3]]
    """
    n_rows = 0
    for row in row_of:
        n_rows = max(n_rows, row + 1)
    counts = np.zeros((n_rows, out.shape[1]), np.int64)
    for t in range(-1, len(starts) - 2):
        if t >= 0:
            for k in range(wanted_starts[t], wanted_starts[t + 1]):
                out[k] = counts[row_of[wanted[k]]]
        for k in range(starts[t + 1], starts[t + 2]):
            row = row_of[pair[k]]
            if row >= 0:
                for z in range(weights.starts[word[k]], weights.starts[word[k] + 1]):
                    counts[row, weights.category[z]] += sign[k] * weights.counts[z]
