"""Merge trees of BPE tokens, and the exact test whether the merges keep two tokens apart.

**Order.** BPE fires, again and again, the merge of lowest rank, the leftmost on ties.

**Lemma 1 (projection).** While no merge has fired across a cut of the piece, what happens on
either side is what would happen there alone: the next merge overall is, if it lies on that side,
the first one of that side in the same order.

**Lemma 2 (pairwise).** `t1 .. tn` is the encoding of its bytes iff every token is *reachable* (the
encoding of its own bytes) and every adjacent pair is *stable* (the encoding of its own bytes). If a
merge ever fired across a cut, take the first one, between ti and ti+1: by lemma 1 the same merges
fire when those two are encoded alone, so the pair is not stable. Conversely cuts that stay closed
in the whole stay closed in every part. No assumption on ranks is needed.

So a reachable token has one *merge tree*: the last merge that made it, and the trees of its halves,
which are reachable too.

**Proper** trees have ranks that strictly increase from child to parent. In a proper token the
merges fire in the order (rank, position), so node u exists from (rank of u) until (rank of u's
parent).
With a proper left of the cut and b right of it, a merge (u, v) of rank r fires across the cut, u on
the right spine of a and v on the left spine of b, iff u and v exist at the same time and the merge
comes before the ones that consume them; on ties the left one is first:

    max(r, rank v) <  rank of u's parent in a   (infinite for u = a)
    max(r, rank u) <= rank of v's parent in b   (infinite for v = b)

The pairs (u, v) that exist at the same time form a chain, which `_proper_apart` walks backwards in
time: O(depth of a + depth of b) look-ups. Other pairs are decided by simulation.

Source: the pair test is that of rust-gems `bpe` (Hendrik van Antwerpen, Alexander Neubeck, 2024),
extended to merge lists whose ranks are not those of the results, and to trees that are not proper.
"""

import heapq
from typing import NamedTuple

import numpy as np

from tokkit.kernels.arrays import Bytes, Int32s, Int64s, Integer
from tokkit.kernels.bpe.pair_table import GOLDEN, find
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import beside_leaves, leaf

UNREACHABLE = 0
PROPER = 1
IMPROPER = 2
FALLBACK = 3
"""Byte-fallback tokens: no merge touches them, so they stay apart from everything."""

NEVER = np.int64(1) << 40
"""Later than every rank."""


class MergeForest(NamedTuple):
    """The merge trees, and the merges.

    nodes: int64 (2 * V,); for token t, `nodes[2 * t]` is rank << 8 | state: the rank of its last
        merge (-1 for atoms), and one of UNREACHABLE, PROPER, IMPROPER, FALLBACK; `nodes[2 * t + 1]`
        is left << 32 | right, the halves of that merge (-1 for atoms and unreachable tokens).
    slots, bitmap: the table of `pair_table.build`.
    """

    nodes: Int64s
    slots: Int64s
    bitmap: Int64s


@leaf
def rank_of(nodes: Int64s, token: Integer) -> int:
    """Rank of the last merge of a reachable token, -1 for an atom.

    Example:
        >>> rank_of(forest.nodes, 3), rank_of(forest.nodes, 0)
        (1, -1)
    """
    return nodes[2 * token] >> 8


@leaf
def state_of(nodes: Int64s, token: Integer) -> int:
    """UNREACHABLE, PROPER, IMPROPER or FALLBACK.

    Example:
        >>> state_of(forest.nodes, 3) == PROPER, state_of(forest.nodes, 4) == FALLBACK
        (True, True)
    """
    return nodes[2 * token] & 255


@leaf
def left_of(nodes: Int64s, token: Integer) -> np.int64:
    """Left half of a token that is no atom.

    Example:
        >>> left_of(forest.nodes, 3)
        2
    """
    return nodes[2 * token + 1] >> 32


@leaf
def right_of(nodes: Int64s, token: Integer) -> np.int64:
    """Right half of a token that is no atom.

    Example:
        >>> right_of(forest.nodes, 3)
        1
    """
    return nodes[2 * token + 1] & 0xFFFFFFFF


@leaf
def _apart_backwards(forest: MergeForest, a: Integer, b: Integer, limit: Integer) -> bool:
    """Whether no merge fires across the cut before `limit`, when a and b then stand beside it."""
    nodes = forest.nodes
    rank_a, rank_b = rank_of(nodes, a), rank_of(nodes, b)
    while True:
        merge = find(forest.slots, forest.bitmap, a, b)
        if merge != -1 and (merge >> 32) < limit:
            return False
        if rank_b >= rank_a:
            if rank_b < 0:
                return True
            # b's own merge lies right of the cut: a merge across it of the same rank comes first.
            limit = rank_b + 1
            b = left_of(nodes, b)
            rank_b = rank_of(nodes, b)
        else:
            limit = rank_a
            a = right_of(nodes, a)
            rank_a = rank_of(nodes, a)


@leaf
def _halves_meet(forest: MergeForest, a: Integer, b: Integer) -> bool:
    """Whether proper a and b both come to stand whole beside the cut."""
    rank_a, rank_b = rank_of(forest.nodes, a), rank_of(forest.nodes, b)
    if rank_b >= rank_a:
        if rank_b < 0:
            return True
        return _apart_backwards(forest, a, left_of(forest.nodes, b), rank_b + 1)
    return _apart_backwards(forest, right_of(forest.nodes, a), b, rank_a)


@njit(cache=True, nogil=True)
def _append_atoms(forest: MergeForest, token: Integer, atoms: list[np.int64]) -> None:
    """Append the leaves of a merge tree, left to right."""
    pending = [np.int64(token)]
    while pending:
        node = pending.pop()
        if rank_of(forest.nodes, node) < 0:
            atoms.append(node)
        else:
            pending.append(right_of(forest.nodes, node))
            pending.append(left_of(forest.nodes, node))


@beside_leaves
def _first_across(forest: MergeForest, a: Integer, b: Integer) -> tuple[Integer, Integer]:
    """Run BPE on the atoms of a and b until a merge fires across the cut.

    Returns:
        (u, v): the operands of that merge, or (-1, -1) when none fires. O(n log n).
    """
    atoms = [np.int64(0)]
    atoms.pop()
    _append_atoms(forest, a, atoms)
    cut = len(atoms)
    _append_atoms(forest, b, atoms)
    n = len(atoms)
    token = np.array(atoms)
    following = np.arange(1, n + 1)
    previous = np.arange(-1, n - 1)
    heap = [np.int64(0)]
    heap.pop()
    for i in range(n - 1):
        merge = find(forest.slots, forest.bitmap, token[i], token[i + 1])
        if merge != -1:
            heap.append((merge >> 32) << 32 | i)
    heapq.heapify(heap)
    while heap:
        entry = heapq.heappop(heap)
        i = entry & 0xFFFFFFFF
        if token[i] < 0 or following[i] == n:
            continue
        j = following[i]
        merge = find(forest.slots, forest.bitmap, token[i], token[j])
        # An entry whose pair has changed is stale, unless the new pair has that very rank.
        if merge == -1 or merge >> 32 != entry >> 32:
            continue
        if j == cut:
            return token[i], token[j]
        token[i] = merge & 0xFFFFFFFF
        token[j] = -1
        following[i] = following[j]
        if following[j] < n:
            previous[following[j]] = i
        for k in (previous[i], i):
            if k >= 0 and following[k] < n:
                merge = find(forest.slots, forest.bitmap, token[k], token[following[k]])
                if merge != -1:
                    heapq.heappush(heap, (merge >> 32) << 32 | k)
    return np.int64(-1), np.int64(-1)


@leaf
def stays_apart(forest: MergeForest, a: Integer, b: Integer) -> bool:
    """Whether reachable tokens a and b (int64), side by side, are kept apart by the merges.

    Example:
        >>> [stays_apart(forest, np.int64(0), np.int64(b)) for b in (0, 1, 2)]
        [True, False, True]
    """
    state_a, state_b = state_of(forest.nodes, a), state_of(forest.nodes, b)
    if state_a == PROPER and state_b == PROPER:
        return _apart_backwards(forest, a, b, NEVER)
    if state_a == FALLBACK or state_b == FALLBACK:
        return True
    return bool(_first_across(forest, a, b)[0] < 0)


@leaf
def judge(forest: MergeForest, judged: Int64s, a: Integer, b: Integer) -> bool:
    """`stays_apart`, which keeps what had to be simulated.

    Runs of spaces and line breaks are improper tokens of some vocabularies, and stand before many
    words of a source file.

    Inputs:
        judged: int64 (2 ** k,), pairs that were simulated, for this thread alone; -1 at first.

    Example:
        >>> judged = np.full(2, -1)
        >>> [judge(forest, judged, np.int64(0), np.int64(b)) for b in (0, 1, 2)]
        [True, False, True]
    """
    state_a, state_b = state_of(forest.nodes, a), state_of(forest.nodes, b)
    if state_a == PROPER and state_b == PROPER:
        return _apart_backwards(forest, a, b, NEVER)
    if state_a == FALLBACK or state_b == FALLBACK:
        return True
    pair = a << 32 | b
    spread = pair * GOLDEN
    slot = (spread ^ spread >> 32) & (len(judged) - 1)
    if judged[slot] >> 1 != pair:
        apart = _first_across(forest, a, b)[0] < 0
        judged[slot] = pair << 1 | np.int64(apart)
    return judged[slot] & 1 == 1


@njit(cache=True, nogil=True)
def first_misspelt(
    blob: Bytes, offsets: Int64s, left: Int32s, right: Int32s, result: Int32s
) -> int:
    """Index of the first merge whose result is not spelt as its halves (both non-empty), or -1.

    Example:
        >>> blob, offsets = bytes_of("abab"), int64s(0, 1, 2, 4)
        >>> first_misspelt(blob, offsets, int32s(0, 1), int32s(1, 0), int32s(2, 2))  # b + a
        1
    """
    for k in range(len(left)):
        a, b, c = left[k], right[k], result[k]
        n_a = offsets[a + 1] - offsets[a]
        n_b = offsets[b + 1] - offsets[b]
        if n_a == 0 or n_b == 0 or offsets[c + 1] - offsets[c] != n_a + n_b:
            return k
        for i in range(n_a):
            if blob[offsets[a] + i] != blob[offsets[c] + i]:
                return k
        for i in range(n_b):
            if blob[offsets[b] + i] != blob[offsets[c] + n_a + i]:
                return k
    return -1


@njit(cache=True, nogil=True)
def grow(
    forest: MergeForest, left: Int32s, right: Int32s, result: Int32s, rank: Int32s, order: Int64s
) -> None:
    """Find the reachable tokens and their trees; fills `forest` in place.

    A token is reachable by a merge (l, r) iff l and r are, and come to stand whole beside each
    other, since then nothing else is left to merge.

    Inputs:
        forest: the atoms are PROPER, other tokens UNREACHABLE or FALLBACK.
        left, right, result, rank: int32 (m,), the merges, no pair twice.
        order: int64 (m,), the merges by length of their result.

    Example:
        >>> grow(ungrown, int32s(0), int32s(1), int32s(2), int32s(0), int64s(0))
        >>> left_of(ungrown.nodes, 2), right_of(ungrown.nodes, 2)
        (0, 1)
    """
    nodes = forest.nodes
    for k in order:
        a, b, c = np.int64(left[k]), np.int64(right[k]), np.int64(result[k])
        state_a, state_b = state_of(nodes, a), state_of(nodes, b)
        if state_a == UNREACHABLE or state_b == UNREACHABLE:
            continue
        if state_of(nodes, c) != UNREACHABLE:
            continue
        proper = state_a == PROPER and state_b == PROPER
        if proper:
            if not _halves_meet(forest, a, b):
                continue
            proper = rank[k] > rank_of(nodes, a) and rank[k] > rank_of(nodes, b)
        else:
            u, v = _first_across(forest, a, b)
            if u != a or v != b:
                continue
        nodes[2 * c] = np.int64(rank[k]) << 8 | (PROPER if proper else IMPROPER)
        nodes[2 * c + 1] = a << 32 | b
