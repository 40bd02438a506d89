"""All the tokens that the merges do not keep apart from a given one, from the merge trees.

A merge (u, v) across the cut between proper tokens a and b takes u from the right spine of a and v
from the left spine of b (`merge_forest`). Hang every token under the left half of its merge tree:
the tokens with v on their left spine are the subtree of v. Number the tokens in depth-first order,
siblings by descending rank; then those whose parent of v has rank at least r, and v itself, are
one range of numbers. So each merge of each spine node of a rules out one range.
"""

from typing import NamedTuple

import numpy as np

from tokkit.kernels.arrays import Flags, Int32s, Int64s, Integer
from tokkit.kernels.bpe.merge_forest import (
    IMPROPER,
    NEVER,
    PROPER,
    UNREACHABLE,
    MergeForest,
    rank_of,
    right_of,
    state_of,
    stays_apart,
)
from tokkit.kernels.caching import njit


class Spines(NamedTuple):
    """The left spines of all tokens, and the merges by their left token.

    merge_starts: int64 (V + 1,); merge_right, merge_rank: int32 (m,): the merges of u are those in
        `merge_starts[u]:merge_starts[u + 1]`.
    child_starts: int64 (V + 1,); children: int32 (c,): the tokens whose left half is v, by
        descending rank, are `children[child_starts[v]:child_starts[v + 1]]`.
    tour, enter, leave: see `depth_first`.
    improper: int32 (k,), where in `tour` the improper tokens stand, ascending.
    """

    merge_starts: Int64s
    merge_right: Int32s
    merge_rank: Int32s
    child_starts: Int64s
    children: Int32s
    tour: Int32s
    enter: Int32s
    leave: Int32s
    improper: Int32s


@njit(cache=True, nogil=True)
def depth_first(
    child_starts: Int64s, children: Int32s, atoms: Int32s
) -> tuple[Int32s, Int32s, Int32s]:
    """Number the tokens so that every subtree is a range.

    Inputs:
        child_starts: int64 (V + 1,), children: int32 (m,): the children of token t are
            `children[child_starts[t]:child_starts[t + 1]]`.
        atoms: int32 (k,), the roots.

    Returns:
        `tour`: int32 (reachable tokens,), and `enter`, `leave`: int32 (V,): the subtree of t is
        `tour[enter[t]:leave[t]]`.

    Example:
        >>> tour, enter, leave = depth_first(int64s(0, 1, 1, 2, 2), int32s(2, 3), int32s(0, 1))
        >>> tour.tolist(), leave.tolist()  # a, ab, abb; b
        ([0, 2, 3, 1], [3, 4, 3, 3])
    """
    n = len(child_starts) - 1
    tour = np.empty(len(atoms) + len(children), np.int32)
    enter = np.zeros(n, np.int32)
    leave = np.zeros(n, np.int32)
    n_entered = 0
    path = [np.int64(0)]
    path.pop()
    upcoming = child_starts[:-1].copy()
    for atom in atoms:
        path.append(np.int64(atom))
        while path:
            token = path[-1]
            if upcoming[token] == child_starts[token]:
                enter[token] = n_entered
                tour[n_entered] = token
                n_entered += 1
            if upcoming[token] < child_starts[token + 1]:
                path.append(np.int64(children[upcoming[token]]))
                upcoming[token] += 1
            else:
                leave[token] = n_entered
                path.pop()
    return tour, enter, leave


@njit(cache=True, nogil=True)
def _mark_proper(
    nodes: Int64s, spines: Spines, v: Integer, least_rank: Integer, invalid: Flags
) -> None:
    """Mark the proper tokens that are v, or have v on their left spine below that rank or more."""
    low, high = spines.child_starts[v], spines.child_starts[v + 1]
    end = np.int64(spines.enter[v]) + 1
    while low < high:
        middle = (low + high) >> 1
        child = spines.children[middle]
        if rank_of(nodes, child) >= least_rank:
            end = np.int64(spines.leave[child])
            low = middle + 1
        else:
            high = middle
    for i in range(spines.enter[v], end):
        token = spines.tour[i]
        if state_of(nodes, token) == PROPER:
            invalid[token] = True


@njit(cache=True, nogil=True)
def mark_invalid(forest: MergeForest, spines: Spines, a: Integer, invalid: Flags) -> None:
    """Set `invalid[b]` for every reachable b that the merges do not keep apart from a.

    Inputs:
        a: int64, a reachable token that is no BYTE token.
        invalid: bool (V,), all False; filled in place.

    Example:
        >>> mark_invalid(forest, spines, np.int64(0), flags); flags[:5].tolist()
        [False, True, False, False, False]
    """
    nodes = forest.nodes
    improper = spines.improper
    a_is_proper = state_of(nodes, a) == PROPER
    limit = NEVER
    u = np.int64(a)
    while True:
        for k in range(spines.merge_starts[u], spines.merge_starts[u + 1]):
            v, rank = np.int64(spines.merge_right[k]), np.int64(spines.merge_rank[k])
            if state_of(nodes, v) == UNREACHABLE:
                continue
            enter, leave = np.int32(spines.enter[v]), np.int32(spines.leave[v])
            # Whatever fires first across the cut is a merge of spine nodes; where a or b is not
            # proper only the order is open, so those that a merge could concern are simulated.
            if not a_is_proper:
                for i in range(enter, leave):
                    b = np.int64(spines.tour[i])
                    invalid[b] = invalid[b] or not stays_apart(forest, a, b)
                continue
            if max(rank, rank_of(nodes, v)) < limit:
                _mark_proper(nodes, spines, v, max(rank, rank_of(nodes, u)), invalid)
            for i in range(np.searchsorted(improper, enter), np.searchsorted(improper, leave)):
                b = np.int64(spines.tour[improper[i]])
                invalid[b] = invalid[b] or not stays_apart(forest, a, b)
        limit = rank_of(nodes, u)
        if limit < 0:
            break
        u = right_of(nodes, u)


@njit(cache=True, nogil=True)
def improper_positions(nodes: Int64s, tour: Int32s) -> Int32s:
    """int32 (k,): where in `tour` the improper tokens stand, ascending.

    Example:
        >>> improper_positions(int64s(PROPER, -1, IMPROPER, -1), int32s(0, 1)).tolist()
        [1]
    """
    found = np.empty(len(tour), np.int32)
    n = 0
    for i in range(len(tour)):
        if state_of(nodes, tour[i]) == IMPROPER:
            found[n] = i
            n += 1
    return found[:n].copy()
