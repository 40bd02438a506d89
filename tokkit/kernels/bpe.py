"""BPE encoding of pieces by backtracking: longest match first, pairs checked as they form.

The encoding of a piece is the one path of reachable tokens through it whose adjacent pairs all stay
apart (`merge_forest`, lemma 2). The search keeps such a path from the start of the piece to some
position and extends it by the longest token that fits. Any path it holds is the encoding of the
bytes it covers, and encodings are unique, so a position from which nothing fits is dead for good:
each position is left at most twice, and the search is linear for a given vocabulary.

Source: rust-gems `bpe` (backtracking encoder and appendable encoder).
"""

# pyright: basic

from typing import NamedTuple

import numpy as np

from tokkit.kernels.leaf import leaf
from tokkit.kernels.merge_forest import MergeForest, stays_apart
from tokkit.kernels.pair_table import GOLDEN
from tokkit.kernels.trie import BASE_MASK, TOKEN_MASK, longest_match

KEY_WORDS = 4
SHORT = 8 * KEY_WORDS - 1
"""Bytes of the longest piece that is remembered: one byte of its key holds the length."""
WORDS = 8
KEPT_IDS = 2 * (WORDS - KEY_WORDS)
ID_MASK = 0xFFFFFF


class BpeTables(NamedTuple):
    """What the encoder reads.

    units: the trie of `trie.build`, over reachable tokens (and, with `ignore_merges`, every token
        that a whole piece can be).
    next_prefix: int32 (V,), longest reachable token that is a proper prefix, or -1.
    by_merges: bool (V,), the tokens of the trie that are reachable.
    lengths: int32 (V,), bytes of each token.
    byte_token: int32 (256,), the BYTE token of each byte, or -1.
    memo: int64 (2 ** k,), answers of `stays_apart`; each entry is one aligned word that holds both
        the question and the answer, so threads may share it.
    forest: the merge trees.
    """

    units: np.ndarray
    next_prefix: np.ndarray
    by_merges: np.ndarray
    lengths: np.ndarray
    byte_token: np.ndarray
    memo: np.ndarray
    forest: MergeForest


@leaf
def _apart(memo, forest, a, b):
    """`stays_apart`, remembered."""
    question = (a << 24 | b) << 1
    slot = ((question * GOLDEN) >> 24) & (len(memo) - 1)
    known = memo[slot]
    if known >> 1 == question >> 1:
        return known & 1 == 1
    answer = stays_apart(forest, a, b)
    memo[slot] = question | np.int64(answer)
    return answer


@leaf
def _first_choice(tables, text, pos, token):
    """The longest output token at `pos`, given the longest match there (-1: none); -1 if none."""
    if token >= 0 and not tables.by_merges[token]:
        token = tables.next_prefix[token]
    if token < 0:
        token = tables.byte_token[text[pos]]
    return token


@leaf
def _search(tables, text, start, stop, token, dead, ids, ends, base):
    """Encode `text[start:stop]` into `ids[base:]` and `ends[base:]`.

    Inputs:
        token: the first choice at `start`.
        dead: bool (at least stop - start + 1,), all False on entry and on return.

    Returns:
        The number of ids in all, or -1 - (offset of the byte that has no token).
    """
    memo, forest = tables.memo, tables.forest
    top = base
    pos = start
    any_dead = False
    while True:
        while token >= 0:
            end = pos + tables.lengths[token]
            fits = top == base or _apart(memo, forest, np.int64(ids[top - 1]), np.int64(token))
            if fits and not dead[end - start]:
                break
            token = tables.next_prefix[token]
        if token >= 0:
            ids[top] = token
            ends[top] = end
            top += 1
            pos = end
            if pos == stop:
                break
            token = longest_match(tables.units, text, pos, stop)
            token = _first_choice(tables, text, pos, token)
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


@leaf
def _encode_piece(tables, text, start, stop, whole, dead, ids, ends, base):
    """Encode one piece that is not empty; arguments and result as for `_search` and `encode`."""
    token = longest_match(tables.units, text, start, stop)
    if token >= 0 and start + tables.lengths[token] == stop and whole[token]:
        ids[base] = token
        ends[base] = stop
        return base + 1
    token = _first_choice(tables, text, start, token)
    if token < 0:
        return -1 - start
    return _search(tables, text, start, stop, token, dead, ids, ends, base)


@leaf
def _pack(text, start, stop, word, key):
    """Pack `text[start:stop]`, eight bytes a word, behind `word`; return the number of words."""
    key[0] = word
    used = 1
    for begin in range(start, stop, 8):
        word = np.int64(0)
        for i in range(begin, min(begin + 8, stop)):
            word = word << 8 | np.int64(text[i])
        key[used] = word
        used += 1
    return used


@leaf
def _find(recent, text, start, stop, key):
    """Look a short piece up.

    Inputs:
        key: int64 (KEY_WORDS,): receives its length and its bytes.

    Returns:
        (where in `recent` its place is, how many words of `key` it takes, whether it is there).
    """
    word = stop - start
    for i in range(start, min(stop, start + 7)):
        word = word << 8 | np.int64(text[i])
    places = len(recent) // WORDS - 1
    if stop - start <= 7:
        key[0] = word
        slot = WORDS * (((word * GOLDEN) >> 30) & places)
        return slot, 1, recent[slot] == word
    used = _pack(text, start + 7, stop, word, key)
    for k in range(1, used):
        word = word * 31 ^ key[k]
    slot = WORDS * (((word * GOLDEN) >> 30) & places)
    for k in range(used):
        if recent[slot + k] != key[k]:
            return slot, used, False
    return slot, used, True


@leaf
def _recall(recent, slot, lengths, ids, ends, base, start, stop):
    """Write the ids of a kept piece behind `ids[:base]`; return their number in all."""
    packed = recent[slot + KEY_WORDS]
    n = packed & 255
    ids[base] = (packed >> 8) & ID_MASK
    if n == 1:
        ends[base] = stop
        return base + 1
    pos = start + lengths[ids[base]]
    ends[base] = pos
    for k in range(1, n):
        # Two ids a word; the first word holds their number as well.
        packed = recent[slot + KEY_WORDS + (k >> 1)]
        token = (packed >> 32 if k & 1 else packed) & ID_MASK
        pos += lengths[token]
        ids[base + k] = token
        ends[base + k] = pos
    return base + n


@leaf
def _keep(recent, slot, key, used, ids, base, n):
    """Keep a piece and its ids in place of the one in that slot."""
    for k in range(used):
        recent[slot + k] = key[k]
    recent[slot + KEY_WORDS] = n | np.int64(ids[base]) << 8
    for k in range(1, n):
        at = slot + KEY_WORDS + (k >> 1)
        if k & 1:
            recent[at] |= np.int64(ids[base + k]) << 32
        else:
            recent[at] = np.int64(ids[base + k])


@leaf
def encode(tables, text, bounds, whole, recent, key, dead, ids, ends, keep) -> int:
    """Encode each piece `text[bounds[k]:bounds[k + 1]]` on its own.

    Inputs:
        text: uint8 (n,). bounds: int64 (k + 1,), non-decreasing, 0 to n.
        whole: bool (V,), tokens in the trie that a piece equal to them becomes at once: the
            reachable ones and, with `ignore_merges`, every NORMAL one.
        recent: int64 (WORDS * 2 ** k,), short pieces seen before and their ids, for this thread
            alone; -1 at first. Eight words a piece: length and bytes, then number and ids.
        key: int64 (KEY_WORDS,), scratch.
        dead: bool (longest piece + 1,), all False.
        ids: int32, ends: int64: (n,), or (longest piece,) without `keep`.
        keep: whether to keep the ids of all pieces, or only their number.

    Returns:
        The number of ids, or -1 - (offset of the first byte that has no token).
    """
    n_ids = np.int64(0)
    for k in range(len(bounds) - 1):
        start, stop = bounds[k], bounds[k + 1]
        if start == stop:
            continue
        base = n_ids if keep else np.int64(0)
        if stop - start <= SHORT:
            slot, used, is_there = _find(recent, text, start, stop, key)
            if is_there:
                end = _recall(recent, slot, tables.lengths, ids, ends, base, start, stop)
            else:
                end = _encode_piece(tables, text, start, stop, whole, dead, ids, ends, base)
                if 0 < end - base <= KEPT_IDS:
                    _keep(recent, slot, key, used, ids, base, end - base)
        else:
            end = _encode_piece(tables, text, start, stop, whole, dead, ids, ends, base)
        if end < 0:
            return end
        n_ids += end - base
    return int(n_ids)


@leaf
def extend_prefixes(tables, reversed_units, text, start, stop, last) -> int:
    """Last tokens of the encodings of `text[:start + 1]`, ..., `text[:stop]`, as one piece.

    The encoding of a prefix ends with the one reachable token that is a suffix of it and stays
    apart from the last token of what is left.

    Inputs:
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
                if pos == 0 or _apart(tables.memo, tables.forest, np.int64(last[pos]), token):
                    found = token
            base = (unit >> 9) & BASE_MASK
        if not matched:
            found = tables.byte_token[text[end - 1]]
        if found < 0:
            return -end
        last[end] = found
    return stop
