"""Merge the most frequent pair of a batch, again and again, and recount only what that changes.

1. The sequences stand as one chain of symbols (`merge_replay.Chain`). Each pair knows its count,
   the places where it stands or has stood, and a place before which it does not stand.
2. A heap orders pairs by count, then by where they stand first. Its entries are bounds: a pair that
   gains a place is entered anew, one that loses a place keeps its entry, which is corrected when it
   comes up. The newest entry of a pair counts, and others are thrown away.
3. A merge visits the places of its pair from left to right, and changes the counts of the pairs
   beside them. A string only ever grows at its place, so a pair that has gone from a place never
   comes back to it, and no place is listed twice.

Counts are those of a recount: `a a a` holds the pair (a, a) twice, although one of them can merge.
All merges together cost O(n log n) for n symbols.
"""

import heapq
from typing import NamedTuple

import numpy as np

from tokkit.kernels.arrays import Flags, Int32s, Int64s, Integer
from tokkit.kernels.batch_merges.pair_index import EMPTY, number_of, slot_of, with_room
from tokkit.kernels.batch_merges.spellings import (
    NONE,
    Spellings,
    enter_spelling,
    find_spelling,
)
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf
from tokkit.kernels.merge_lists.merge_replay import NOWHERE, Chain, chain_words, stands

_PLACE_BITS = 31
_LARGEST = (1 << 31) - 1
_NOT_QUEUED = -1


class Joints(NamedTuple):
    """Which ids may merge; room for the ids to come, whose flags are those of their ends.

    as_left, as_right: bool (ids,), whether one may be the left, or the right, part of a merge.
    """

    as_left: Flags
    as_right: Flags


class Pairs(NamedTuple):
    """The pairs of ids that may merge, by number; room for 3 n of them, n the symbols at first.

    name: int64, left << 32 | right.
    n_places: int64, at how many places it stands.
    first: int32, a place before which it does not stand.
    newest: int32, the newest of its entries, or NOWHERE.
    queued: int64, its key in the heap.
    entries: int32 (3 n, 2), a place, and the entry before.
    touched: int32 (3 n,), pairs that have gained a place since the heap was last told.
    sizes: int64 (3,), how many pairs, entries and touched there are.
    """

    name: Int64s
    n_places: Int64s
    first: Int32s
    newest: Int32s
    queued: Int64s
    entries: Int32s
    touched: Int32s
    sizes: Int64s


class Merges(NamedTuple):
    """What was merged; room for as many as there can be.

    parts: int32 (m, 3), left, right and result.
    counts: int64 (m,), of the pair when it was merged.
    removed: int64 (m,), by how many symbols the batch became shorter.
    """

    parts: Int32s
    counts: Int64s
    removed: Int64s


@njit(cache=True, nogil=True)
def _no_pairs(n: int) -> Pairs:
    n_room = 3 * n + 1
    return Pairs(
        np.empty(n_room, np.int64),
        np.empty(n_room, np.int64),
        np.empty(n_room, np.int32),
        np.empty(n_room, np.int32),
        np.empty(n_room, np.int64),
        np.empty((n_room, 2), np.int32),
        np.empty(n_room, np.int32),
        np.zeros(3, np.int64),
    )


@leaf
def _key(pairs: Pairs, pair: Integer) -> np.int64:
    """Where a pair stands in the order of merges; the smallest comes first."""
    return (_LARGEST - pairs.n_places[pair]) << _PLACE_BITS | np.int64(pairs.first[pair])


@leaf
def _gain(
    pairs: Pairs, slots: Int64s, joints: Joints, left: Integer, right: Integer, place: Integer
) -> None:
    """A pair comes to stand at a place."""
    if not (joints.as_left[left] and joints.as_right[right]):
        return
    name = np.int64(left) << 32 | np.int64(right)
    slot = slot_of(slots, name)
    if slots[2 * slot] == EMPTY:
        pair = pairs.sizes[0]
        pairs.sizes[0] += 1
        slots[2 * slot] = name
        slots[2 * slot + 1] = pair
        pairs.name[pair] = name
        pairs.n_places[pair] = 0
        pairs.first[pair] = place
        pairs.newest[pair] = NOWHERE
        pairs.queued[pair] = _NOT_QUEUED
    pair = slots[2 * slot + 1]
    entry = pairs.sizes[1]
    pairs.sizes[1] += 1
    pairs.entries[entry, 0] = place
    pairs.entries[entry, 1] = pairs.newest[pair]
    pairs.newest[pair] = entry
    pairs.n_places[pair] += 1
    pairs.first[pair] = min(pairs.first[pair], place)
    pairs.touched[pairs.sizes[2]] = pair
    pairs.sizes[2] += 1


@leaf
def _lose(pairs: Pairs, slots: Int64s, left: Integer, right: Integer) -> None:
    """A pair stands at one place less."""
    pair = number_of(slots, left, right)
    if pair != EMPTY:
        pairs.n_places[pair] -= 1


@leaf
def _find_first(pairs: Pairs, chain: Chain, pair: Integer) -> None:
    """Make `first` exact, and forget the places where the pair does not stand any more."""
    left, right = pairs.name[pair] >> 32, pairs.name[pair] & 0xFFFFFFFF
    if stands(chain, pairs.first[pair], left, right):
        return
    first = _LARGEST
    entry = pairs.newest[pair]
    pairs.newest[pair] = NOWHERE
    while entry != NOWHERE:
        place, before = pairs.entries[entry, 0], pairs.entries[entry, 1]
        if stands(chain, place, left, right):
            pairs.entries[entry, 1] = pairs.newest[pair]
            pairs.newest[pair] = entry
            first = min(first, place)
        entry = before
    pairs.first[pair] = first


@njit(cache=True, nogil=True)
def _places(pairs: Pairs, chain: Chain, pair: Integer) -> Int32s:
    """The places where a pair stands, from left to right."""
    left, right = pairs.name[pair] >> 32, pairs.name[pair] & 0xFFFFFFFF
    found = np.empty(pairs.n_places[pair], np.int32)
    n = 0
    entry = pairs.newest[pair]
    while entry != NOWHERE:
        if stands(chain, pairs.entries[entry, 0], left, right):
            found[n] = pairs.entries[entry, 0]
            n += 1
        entry = pairs.entries[entry, 1]
    return np.sort(found[:n])


@njit(cache=True, nogil=True)
def _apply(
    pairs: Pairs, slots: Int64s, chain: Chain, joints: Joints, places: Int32s, result: Integer
) -> int:
    """Join the pair that stands at some places; how many of them there were in the end."""
    n = 0
    left = chain.symbol[places[0]]
    right = chain.symbol[chain.following[places[0]]]
    for place in places:
        if not stands(chain, place, left, right):
            continue  # swallowed by the same merge, one place before
        n += 1
        swallowed = chain.following[place]
        before, after = chain.previous[place], chain.following[swallowed]
        _lose(pairs, slots, left, right)
        if before != NOWHERE:
            _lose(pairs, slots, chain.symbol[before], left)
        if after != NOWHERE:
            _lose(pairs, slots, right, chain.symbol[after])
        chain.symbol[place] = result
        chain.symbol[swallowed] = NOWHERE
        chain.following[place] = after
        if after != NOWHERE:
            chain.previous[after] = place
            _gain(pairs, slots, joints, result, chain.symbol[after], place)
        if before != NOWHERE:
            _gain(pairs, slots, joints, chain.symbol[before], result, before)
    return n


@njit(cache=True, nogil=True)
def _id_of(
    spellings: Spellings,
    known: Int32s,
    made: Int32s,
    joints: Joints,
    parts: tuple[Integer, Integer],
    offset: Integer,
    n_ids: Integer,
) -> np.int64:
    """The id of two ids' joint spelling, `n_ids` if it is new."""
    left, right = parts
    length = spellings.length[left] + spellings.length[right]
    code = spellings.hash[left] * spellings.power[right] + spellings.hash[right]
    mark = (spellings.mark[left] & 1) | (spellings.mark[right] & 2)
    found = find_spelling(spellings, known, offset, length, code, mark)
    if found == NONE:
        found = find_spelling(spellings, made, offset, length, code, mark)
    if found != NONE:
        return np.int64(found)
    spellings.offset[n_ids] = offset
    spellings.length[n_ids] = length
    spellings.hash[n_ids] = code
    spellings.power[n_ids] = spellings.power[left] * spellings.power[right]
    spellings.mark[n_ids] = mark
    joints.as_left[n_ids] = joints.as_left[right]
    joints.as_right[n_ids] = joints.as_right[left]
    enter_spelling(spellings, made, np.int64(n_ids))
    return np.int64(n_ids)


@njit(cache=True, nogil=True)
def _with_room(spellings: Spellings, slots: Int32s, n: Integer) -> Int32s:
    """The table, or a larger copy of it if `n` ids would fill more than half."""
    if 2 * n <= len(slots):
        return slots
    larger = np.full(2 * len(slots), NONE, np.int32)
    for token in slots:
        if token != NONE:
            enter_spelling(spellings, larger, np.int64(token))
    return larger


@njit(cache=True, nogil=True)
def _queue_touched(heap: list[tuple[np.int64, np.int64]], pairs: Pairs, min_count: int) -> None:
    """Tell the heap of the pairs that have gained a place."""
    for k in range(pairs.sizes[2]):
        pair = np.int64(pairs.touched[k])
        key = _key(pairs, pair)
        if pairs.n_places[pair] >= min_count and pairs.queued[pair] != key:
            pairs.queued[pair] = key
            heapq.heappush(heap, (key, pair))
    pairs.sizes[2] = 0


@njit(cache=True, nogil=True)
def _pop(
    heap: list[tuple[np.int64, np.int64]], pairs: Pairs, chain: Chain, min_count: int
) -> np.int64:
    """The pair that is next to be merged, or EMPTY."""
    while heap:
        key, pair = heapq.heappop(heap)
        if pairs.queued[pair] != key:
            continue  # another entry of the pair is newer
        pairs.queued[pair] = _NOT_QUEUED
        if pairs.n_places[pair] < min_count:
            continue
        _find_first(pairs, chain, pair)
        exact = _key(pairs, pair)
        if exact == key:
            return pair
        pairs.queued[pair] = exact
        heapq.heappush(heap, (exact, pair))
    return np.int64(EMPTY)


@njit(cache=True, nogil=True)
def merge_most_frequent(
    units: Int32s,
    starts: Int64s,
    place_offset: Int64s,
    spellings: Spellings,
    known: Int32s,
    joints: Joints,
    n_known: int,
    min_count: int,
    n_to_remove: int,
    merges: Merges,
) -> tuple[Int32s, int]:
    """Merge the most frequent pair, of equals the one that stands first, until a limit is reached.

    Inputs:
        units: int32 (n,), the ids of all sequences, below `n_known`.
        starts: int64 (w + 1,), where each sequence starts among them.
        place_offset: int64 (n,), where in the data of `spellings` each unit's bytes stand.
        spellings: with room for `n_known + m` ids; changed.
        known: the table of those below `n_known` that a merge can make.
        joints: of as many ids; changed.
        min_count: pairs that stand at fewer places stay.
        n_to_remove: stop when the batch is shorter by so many symbols.
        merges: room for m merges, filled; no more are made.

    Returns:
        int32 (n,), the symbol at each place, NOWHERE where a merge has swallowed it; and how many
        merges there were.

    Example:
        >>> units, starts, places = int32s(0, 1, 0, 1, 1), int64s(0, 2, 5), int64s(7, 8, 9, 10, 11)
        >>> symbol, n = merge_most_frequent(
        ...     units, starts, places, spellings, known, joints, 5, 2, 9, found)
        >>> symbol.tolist(), found.parts[:n].tolist(), found.counts[:n].tolist()
        ([2, -1, 2, -1, 1], [[0, 1, 2]], [2])
    """
    chain = chain_words(units, starts)
    pairs = _no_pairs(len(units))
    slots = np.full(1 << 12, EMPTY, np.int64)
    for place in range(len(units)):
        if chain.following[place] != NOWHERE:
            slots = with_room(slots, pairs.sizes[0], 1)
            _gain(pairs, slots, joints, units[place], units[place + 1], np.int32(place))
    made = np.full(8, NONE, np.int32)
    n_ids, n_removed, n = n_known, 0, 0
    heap = [(np.int64(0), np.int64(0))]
    heap.pop()
    while n < len(merges.counts) and n_removed < n_to_remove:
        _queue_touched(heap, pairs, min_count)
        pair = _pop(heap, pairs, chain, min_count)
        if pair == EMPTY:
            break
        places = _places(pairs, chain, pair)
        slots = with_room(slots, pairs.sizes[0], 2 * len(places))
        made = _with_room(spellings, made, n_ids + 1 - n_known)
        left, right = pairs.name[pair] >> 32, pairs.name[pair] & 0xFFFFFFFF
        offset = place_offset[places[0]]
        result = _id_of(spellings, known, made, joints, (left, right), offset, n_ids)
        n_ids = max(n_ids, result + 1)
        merges.parts[n, 0], merges.parts[n, 1], merges.parts[n, 2] = left, right, result
        merges.counts[n] = pairs.n_places[pair]
        merges.removed[n] = _apply(pairs, slots, chain, joints, places, result)
        n_removed += merges.removed[n]
        n += 1
    return chain.symbol, n
