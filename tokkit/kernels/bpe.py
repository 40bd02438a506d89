"""BPE encoding of pieces by backtracking: longest match first, pairs checked as they form.

The encoding of a piece is the one path of reachable tokens through it whose adjacent pairs all stay
apart (`merge_forest`, lemma 2). The search keeps such a path from the start of the piece to some
position and extends it by the longest token that fits. Any path it holds is the encoding of the
bytes it covers, and encodings are unique, so a position from which nothing fits is dead for good:
each position is left at most twice, and the search is linear for a given vocabulary.

Source: rust-gems `bpe` (backtracking encoder and appendable encoder).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from tokkit.kernels.merge_forest import UNREACHABLE, MergeForest, stays_apart
from tokkit.kernels.pair_table import GOLDEN
from tokkit.kernels.trie import BASE_MASK, TOKEN_MASK, longest_match


class BpeTables(NamedTuple):
    """What the encoder reads.

    units: the trie of `trie.build`, over reachable tokens (and, with `ignore_merges`, every token
        that a whole piece can be).
    next_prefix: int32 (V,), longest reachable token that is a proper prefix, or -1.
    lengths: int32 (V,), bytes of each token.
    byte_token: int32 (256,), the BYTE token of each byte, or -1.
    memo: int64 (2 ** k,), answers of `stays_apart`; each entry is one aligned word that holds both
        the question and the answer, so threads may share it.
    forest: the merge trees.
    """

    units: np.ndarray
    next_prefix: np.ndarray
    lengths: np.ndarray
    byte_token: np.ndarray
    memo: np.ndarray
    forest: MergeForest


@njit(cache=True, nogil=True)
def _apart(tables, a, b):
    """`stays_apart`, remembered."""
    question = (np.int64(a) << 24 | np.int64(b)) << 1
    slot = ((question * GOLDEN) >> 24) & (len(tables.memo) - 1)
    known = tables.memo[slot]
    if known >> 1 == question >> 1:
        return known & 1 == 1
    answer = stays_apart(tables.forest, a, b)
    tables.memo[slot] = question | np.int64(answer)
    return answer


@njit(cache=True, nogil=True)
def _first_choice(tables, text, pos, token):
    """The longest output token at `pos`, given the longest match there (-1: none); -1 if none."""
    if token >= 0 and tables.forest.state[token] == UNREACHABLE:
        token = tables.next_prefix[token]
    if token < 0:
        token = tables.byte_token[text[pos]]
    return token


@njit(cache=True, nogil=True)
def _search(tables, text, start, stop, token, dead, ids, ends, base):
    """Encode `text[start:stop]` into `ids[base:]` and `ends[base:]`.

    Args:
        token: the first choice at `start`.
        dead: bool (at least stop - start + 1,), all False on entry and on return.

    Returns:
        The number of ids in all, or -1 - (offset of the byte that has no token).
    """
    top = base
    pos = start
    any_dead = False
    while True:
        while token >= 0:
            end = pos + tables.lengths[token]
            if not dead[end - start] and (top == base or _apart(tables, ids[top - 1], token)):
                break
            token = tables.next_prefix[token]
        if token >= 0:
            ids[top] = token
            ends[top] = end
            top += 1
            pos = end
            if pos == stop:
                break
            token = _first_choice(
                tables, text, pos, longest_match(tables.units, text, pos, stop)
            )
            if token < 0:
                top = -1 - pos
                break
        else:
            # Never the start: the piece has an encoding unless a byte has no token.
            dead[pos - start] = True
            any_dead = True
            top -= 1
            token = tables.next_prefix[ids[top]]
            pos = ends[top] - tables.lengths[ids[top]]
    if any_dead:
        dead[: stop - start + 1] = False
    return top


@njit(cache=True, nogil=True)
def _encode_piece(tables, text, start, stop, whole, dead, ids, ends, base):
    """Encode one piece that is not empty; arguments and result as for `_search` and `encode`."""
    token = longest_match(tables.units, text, start, stop)
    if token >= 0 and start + tables.lengths[token] == stop:
        if whole[token]:
            ids[base] = token
            ends[base] = stop
            return base + 1
    token = _first_choice(tables, text, start, token)
    if token < 0:
        return -1 - start
    return _search(tables, text, start, stop, token, dead, ids, ends, base)


@njit(cache=True, nogil=True)
def encode(tables, text, bounds, whole, dead, ids, ends):
    """Encode each piece `text[bounds[k]:bounds[k + 1]]` on its own.

    Args:
        text: uint8 (n,). bounds: int64 (k + 1,), non-decreasing, 0 to n.
        whole: bool (V,), tokens in the trie that a piece equal to them becomes at once: the
            reachable ones and, with `ignore_merges`, every NORMAL one.
        dead: bool (longest piece + 1,), all False. ids: int32 (n,). ends: int64 (n,).

    Returns:
        The number of ids, or -1 - (offset of the first byte that has no token).
    """
    n_ids = 0
    for k in range(len(bounds) - 1):
        if bounds[k] < bounds[k + 1]:
            n_ids = _encode_piece(
                tables, text, bounds[k], bounds[k + 1], whole, dead, ids, ends, n_ids
            )
            if n_ids < 0:
                break
    return n_ids


@njit(cache=True, nogil=True)
def count(tables, text, bounds, whole, dead, ids, ends):
    """As `encode`, but `ids` and `ends` need only hold the longest piece."""
    n_ids = 0
    for k in range(len(bounds) - 1):
        if bounds[k] < bounds[k + 1]:
            n = _encode_piece(tables, text, bounds[k], bounds[k + 1], whole, dead, ids, ends, 0)
            if n < 0:
                return n
            n_ids += n
    return n_ids


@njit(cache=True, nogil=True)
def extend_prefixes(tables, reversed_units, text, start, stop, last):
    """Last tokens of the encodings of `text[:start + 1]`, ..., `text[:stop]`, as one piece.

    The encoding of a prefix ends with the one reachable token that is a suffix of it and stays
    apart from the last token of what is left.

    Args:
        reversed_units: the trie of the reachable tokens spelt backwards.
        last: int32 (at least stop + 1,), filled up to `start`; `last[0]` is -1.

    Returns:
        `stop`, or -1 - (offset of the first byte that has no token).
    """
    for end in range(start + 1, stop + 1):
        found = -1
        base = (reversed_units[0] >> 9) & BASE_MASK
        pos = end
        matched = False
        while found < 0 and pos > 0:
            pos -= 1
            byte = np.int64(text[pos])
            unit = reversed_units[base ^ byte]
            if unit & 511 != byte + 1:
                break
            token = ((unit >> 40) & TOKEN_MASK) - 1
            if token >= 0:
                matched = True
                if pos == 0 or _apart(tables, last[pos], token):
                    found = token
            base = (unit >> 9) & BASE_MASK
        if not matched:
            found = tables.byte_token[text[end - 1]]
        if found < 0:
            return -end
        last[end] = found
    return stop
