"""Apply the merges of a BPE merge list, one after another, to a table of words.

The words stand as one chain of symbols; each symbol knows its neighbours within its word. A merge
knows the places where its pair stands: they are linked lists, filled as pairs come into being, so
that a step looks only at the words that it changes. All steps together cost O(symbols).

A pair is counted as BPE training counts it: at every two adjacent symbols, so that `a a a` holds
the pair (a, a) twice, although only one of them can merge.
"""

from typing import NamedTuple

import numpy as np

from tokkit.kernels.arrays import Int32s, Int64s, Integer
from tokkit.kernels.bpe.pair_table import find
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf

NOWHERE = -1


class Chain(NamedTuple):
    """The symbols of all words, n places; changed in place.

    symbol: int32 (n,), the id at each place; NOWHERE where a merge has swallowed it.
    following, previous: int32 (n,), the places beside it in the same word, or NOWHERE.
    word: int32 (n,), the word of each place.
    """

    symbol: Int32s
    following: Int32s
    previous: Int32s
    word: Int32s


class Places(NamedTuple):
    """Where the pair of each merge stands, or has stood; changed in place.

    newest: int32 (m,), the newest entry of each merge, or NOWHERE.
    entries: int32 (3 n, 2): a place, and the entry before. Enough: there are less than n pairs at
        first, and a merge swallows one of n symbols and gives birth to at most two pairs.
    n_entries: int64 (1,), how many are in use.
    """

    newest: Int32s
    entries: Int32s
    n_entries: Int64s


class Weights(NamedTuple):
    """How often each word occurs in each category: the rows of a sparse matrix (CSR).

    starts: int64 (w + 1,); category: int32 (z,); counts: int64 (z,).
    """

    starts: Int64s
    category: Int32s
    counts: Int64s


@njit(cache=True, nogil=True)
def chain_words(units: Int32s, starts: Int64s) -> Chain:
    """Chain the symbols of words.

    Inputs:
        units: int32 (n,), the words' first symbols; NOWHERE for one that no merge can touch.
        starts: int64 (w + 1,), where each word starts.

    Example:
        >>> chain_words(int32s(0, 1, 0, 1, 1), int64s(0, 2, 5)).following.tolist()  # ab, abb
        [1, -1, 3, 4, -1]
    """
    n = len(units)
    following = np.empty(n, np.int32)
    previous = np.empty(n, np.int32)
    word = np.empty(n, np.int32)
    for w in range(len(starts) - 1):
        for place in range(starts[w], starts[w + 1]):
            word[place] = w
            previous[place] = place - 1
            following[place] = place + 1
        if starts[w] < starts[w + 1]:
            previous[starts[w]] = NOWHERE
            following[starts[w + 1] - 1] = NOWHERE
    return Chain(units.copy(), following, previous, word)


@leaf
def note(chain: Chain, places: Places, slots: Int64s, bitmap: Int64s, place: Integer) -> None:
    """Enter the pair that stands at `place`, if a merge wants it.

    Example:
        >>> note(chain, places, slots, bitmap, 2)
        >>> places.newest.tolist(), places.entries[0].tolist()
        ([0, -1], [2, -1])
    """
    after = chain.following[place]
    if after == NOWHERE:
        return
    left, right = chain.symbol[place], chain.symbol[after]
    if left == NOWHERE or right == NOWHERE:
        return
    merge = find(slots, bitmap, np.int64(left), np.int64(right))
    if merge == -1:
        return
    step = merge >> 32
    entry = places.n_entries[0]
    places.entries[entry, 0] = place
    places.entries[entry, 1] = places.newest[step]
    places.newest[step] = entry
    places.n_entries[0] = entry + 1


@njit(cache=True, nogil=True)
def note_all(chain: Chain, places: Places, slots: Int64s, bitmap: Int64s) -> None:
    """Enter every pair that stands in the words.

    Example:
        >>> note_all(chain, places, slots, bitmap); places.n_entries[0]
        2
    """
    for place in range(len(chain.symbol)):
        note(chain, places, slots, bitmap, place)


@leaf
def stands(chain: Chain, place: Integer, left: Integer, right: Integer) -> bool:
    """Whether the pair (left, right) stands at `place` now.

    Example:
        >>> [stands(chain, place, 0, 1) for place in range(5)]
        [True, False, True, False, False]
    """
    if chain.symbol[place] != left or chain.following[place] == NOWHERE:
        return False
    return chain.symbol[chain.following[place]] == right


@njit(cache=True, nogil=True)
def standing_places(
    chain: Chain, places: Places, step: int, left: Integer, right: Integer
) -> Int32s:
    """The places of a merge's pair, in order, each once: int32 (k,).

    Example:
        >>> note_all(chain, places, slots, bitmap); standing_places(chain, places, 0, 0, 1).tolist()
        [0, 2]
    """
    n = 0
    entry = places.newest[step]
    while entry != NOWHERE:
        n += 1
        entry = places.entries[entry, 1]
    found = np.empty(n, np.int32)
    n = 0
    entry = places.newest[step]
    while entry != NOWHERE:
        place = places.entries[entry, 0]
        if stands(chain, place, left, right):
            found[n] = place
            n += 1
        entry = places.entries[entry, 1]
    found = np.sort(found[:n])
    distinct = 0
    for k in range(n):
        if k == 0 or found[k] != found[k - 1]:
            found[distinct] = found[k]
            distinct += 1
    return found[:distinct]


@njit(cache=True, nogil=True)
def apply_merges(
    chain: Chain,
    places: Places,
    slots: Int64s,
    bitmap: Int64s,
    merges: Int32s,
    first: int,
    weights: Weights,
    counts: Int64s,
) -> None:
    """Apply some merges, in order.

    Inputs:
        slots, bitmap: the table of `pair_table.build`, with the step of each merge as its rank.
        merges: int32 (k, 3), left, right and result of the steps from `first` on.
        first: the step of the first of them.
        counts: int64 (k, c), filled: the count of each merge's pair, in each category, when it is
            the merge's turn.

    Example:
        >>> note_all(chain, places, slots, bitmap); counts = np.zeros((2, 2), np.int64)
        >>> apply_merges(chain, places, slots, bitmap, merges, 0, weights, counts); counts.tolist()
        [[2, 3], [0, 3]]
    """
    for k in range(len(merges)):
        left, right, result = merges[k]
        standing = standing_places(chain, places, first + k, left, right)
        for place in standing:
            w = chain.word[place]
            for z in range(weights.starts[w], weights.starts[w + 1]):
                counts[k, weights.category[z]] += weights.counts[z]
        for place in standing:
            if not stands(chain, place, left, right):
                continue  # swallowed by the same merge, one place before
            swallowed = chain.following[place]
            after = chain.following[swallowed]
            chain.symbol[place] = result
            chain.symbol[swallowed] = NOWHERE
            chain.following[place] = after
            if after != NOWHERE:
                chain.previous[after] = place
            if chain.previous[place] != NOWHERE:
                note(chain, places, slots, bitmap, chain.previous[place])
            note(chain, places, slots, bitmap, place)


@njit(cache=True, nogil=True)
def standing_pairs(chain: Chain) -> tuple[Int64s, Int32s]:
    """Every pair that stands in the words now.

    Returns:
        pair: int64 (p,), left << 32 | right; word: int32 (p,).

    Example:
        >>> pair, word = standing_pairs(chain)
        >>> [divmod(each, 1 << 32) for each in pair.tolist()], word.tolist()
        ([(0, 1), (0, 1), (1, 1)], [0, 1, 1])
    """
    n = 0
    for place in range(len(chain.symbol)):
        if chain.symbol[place] != NOWHERE and chain.following[place] != NOWHERE:
            n += 1
    pair = np.empty(n, np.int64)
    word = np.empty(n, np.int32)
    n = 0
    for place in range(len(chain.symbol)):
        after = chain.following[place]
        if chain.symbol[place] != NOWHERE and after != NOWHERE and chain.symbol[after] != NOWHERE:
            pair[n] = np.int64(chain.symbol[place]) << 32 | np.int64(chain.symbol[after])
            word[n] = chain.word[place]
            n += 1
    return pair[:n], word[:n]
