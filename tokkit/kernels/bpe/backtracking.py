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

from tokkit.kernels.arrays import Bytes, Flags, Int32s, Int64s, Integer
from tokkit.kernels.bpe.merge_forest import MergeForest, judge, stays_apart
from tokkit.kernels.bpe.short_tokens import LONGEST, LONGEST_KEY, find, key_of, spread
from tokkit.kernels.leaf import leaf
from tokkit.kernels.segmentation.trie import BASE_MASK, TOKEN_MASK, longest_match

MOST_KEPT = 5
"""Ids of the piece of most ids that is remembered: beside their number they fill two words."""
ENTRY = 4
"""Words of a remembered piece."""
ROW = 2 * ENTRY
"""Words of two remembered pieces, which lie in one cache line."""
ID_MASK = 0xFFFFFF
LENGTH_MASK = 0xFFFFFFFF


class BpeTables(NamedTuple):
    """What the encoder reads.

    units: the trie of `trie.build`, over reachable tokens (and, with `ignore_merges`, every token
        that a whole piece can be).
    shorter: int64 (V,), `prefix << 32 | length`: the longest reachable token that is a proper
        prefix, or -1, and the bytes of the token itself; both are asked for at once, so they share
        a word.
    by_merges: bool (V,), the tokens of the trie that are reachable.
    byte_token: int32 (256,), the BYTE token of each byte, or -1.
    forest: the merge trees.
    """

    units: Int64s
    shorter: Int64s
    by_merges: Flags
    byte_token: Int32s
    forest: MergeForest


@leaf
def _first_choice(tables: BpeTables, text: Bytes, pos: Integer, token: Integer) -> Integer:
    """The longest output token at `pos`, given the longest match there (-1: none); -1 if none."""
    if token >= 0 and not tables.by_merges[token]:
        token = tables.shorter[token] >> 32
    if token < 0:
        token = np.int64(tables.byte_token[text[pos]])
    return token


@leaf
def _search(
    tables: BpeTables,
    text: Bytes,
    start: Integer,
    stop: Integer,
    token: Integer,
    judged: Int64s,
    dead: Flags,
    ids: Int32s,
    base: Integer,
) -> Integer:
    """Encode `text[start:stop]` into `ids[base:]`.

    Inputs:
        token: the first choice at `start`.
        judged: as of `judge`.
        dead: bool (at least stop - start + 1,), all False on entry and on return.

    Returns:
        The number of ids in all, or -1 - (offset of the byte that has no token).
    """
    top = base
    pos = end = start
    any_dead = False
    while True:
        while token >= 0:
            shorter = tables.shorter[token]
            end = pos + (shorter & LENGTH_MASK)
            if not dead[end - start] and (
                top == base or judge(tables.forest, judged, np.int64(ids[top - 1]), token)
            ):
                break
            token = shorter >> 32
        if token >= 0:
            ids[top] = token
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
            shorter = tables.shorter[ids[top]]
            token = shorter >> 32
            pos -= shorter & LENGTH_MASK
    if any_dead:
        for offset in range(stop - start + 1):
            dead[offset] = False
    return top


@leaf
def _encode_piece(
    tables: BpeTables,
    text: Bytes,
    start: Integer,
    stop: Integer,
    whole: Flags,
    judged: Int64s,
    dead: Flags,
    ids: Int32s,
    base: Integer,
) -> Integer:
    """Encode one piece that is not empty; arguments and result as for `_search` and `encode`."""
    token = longest_match(tables.units, text, start, stop)
    if token >= 0 and start + (tables.shorter[token] & LENGTH_MASK) == stop and whole[token]:
        ids[base] = token
        return base + 1
    token = _first_choice(tables, text, start, token)
    if token < 0:
        return -1 - start
    return _search(tables, text, start, stop, token, judged, dead, ids, base)


@leaf
def _recall(recent: Int64s, entry: Integer, ids: Int32s, base: Integer) -> Integer:
    """Write the ids of a remembered piece behind `ids[:base]`; return their number in all."""
    low, high = recent[entry + 2], recent[entry + 3]
    n = low & 255
    ids[base] = (low >> 8) & ID_MASK
    if n > 1:
        ids[base + 1] = (low >> 32) & ID_MASK
        if n > 2:
            ids[base + 2] = high & ID_MASK
            if n > 3:
                ids[base + 3] = (high >> 24) & ID_MASK
                if n > 4:
                    ids[base + 4] = (low >> 56 & 0xFF) << 16 | (high >> 48 & 0xFFFF)
    return base + n


@leaf
def _remember(
    recent: Int64s,
    row: Integer,
    first: Integer,
    second: Integer,
    ids: Int32s,
    base: Integer,
    n: Integer,
) -> None:
    """Keep a piece and its ids in the first place of a row; what was there moves to the second.

    Four ids lie in the words at 24 bits each, a fifth in the 8 and 16 bits that are left.
    """
    for k in range(row, row + ENTRY):
        recent[k + ENTRY] = recent[k]
    low, high = n | np.int64(ids[base]) << 8, np.int64(0)
    if n > 1:
        low |= np.int64(ids[base + 1]) << 32
    if n > 2:
        high = np.int64(ids[base + 2])
    if n > 3:
        high |= np.int64(ids[base + 3]) << 24
    if n > 4:
        fifth = np.int64(ids[base + 4])
        low |= fifth >> 16 << 56
        high |= fifth << 48
    recent[row], recent[row + 1] = first, second
    recent[row + 2], recent[row + 3] = low, high


@leaf
def encode(
    tables: BpeTables,
    text: Bytes,
    bounds: Int64s,
    whole: Flags,
    short: Int64s,
    recent: Int64s,
    judged: Int64s,
    dead: Flags,
    ids: Int32s,
    keep: bool,
) -> int:
    """Encode each piece `text[bounds[k]:bounds[k + 1]]` on its own.

    Inputs:
        text: uint8 (n,). bounds: int64 (k + 1,), non-decreasing, 0 to n.
        whole: bool (V,), tokens in the trie that a piece equal to them becomes at once: the
            reachable ones and, with `ignore_merges`, every NORMAL one.
        short: the short ones of them, as of `short_tokens.build`.
        recent: int64 (ROW * 2 ** k,), short pieces seen before and their ids, for this thread
            alone; -1 at first. Eight words a row, for two pieces: two words with length and bytes,
            two with number and ids, of the newer one, then of the older one.
        judged: int64 (2 ** k,), pairs of tokens seen before, for this thread alone, as of `judge`.
        dead: bool (longest piece + 1,), all False.
        ids: int32, (n,), or (longest piece,) without `keep`.
        keep: whether to keep the ids of all pieces, or only their number.

    Returns:
        The number of ids, or -1 - (offset of the first byte that has no token).

    Example:
        >>> whole, seen = (bpe.by_merges, short_tokens), (np.full(ROW, -1), np.full(1, -1))
        >>> n = encode(bpe, bytes_of("abbabc"), int64s(0, 6), *whole, *seen, flags, ids, True)
        >>> ids[:n].tolist()
        [3, 2, 4]
    """
    n_ids = np.int64(0)
    for k in range(len(bounds) - 1):
        start, stop = bounds[k], bounds[k + 1]
        if start == stop:
            continue
        base = n_ids if keep else np.int64(0)
        if stop - start <= LONGEST_KEY:
            first, second = key_of(text, start, stop)
            hashed = spread(first, second)
            token = np.int64(-1)
            if stop - start <= LONGEST:
                token = find(short, first, second, hashed)
            row = ROW * (hashed & (len(recent) // ROW - 1))
            if token >= 0:
                ids[base] = token
                end = base + 1
            elif recent[row] == first and recent[row + 1] == second:
                end = _recall(recent, row, ids, base)
            elif recent[row + ENTRY] == first and recent[row + ENTRY + 1] == second:
                end = _recall(recent, row + ENTRY, ids, base)
            else:
                end = _encode_piece(tables, text, start, stop, whole, judged, dead, ids, base)
                if 0 < end - base <= MOST_KEPT:
                    _remember(recent, row, first, second, ids, base, end - base)
        else:
            end = _encode_piece(tables, text, start, stop, whole, judged, dead, ids, base)
        if end < 0:
            return int(end)
        n_ids += end - base
    return int(n_ids)


@leaf
def extend_prefixes(
    tables: BpeTables, reversed_units: Int64s, text: Bytes, start: int, stop: int, last: Int32s
) -> int:
    """Last tokens of the encodings of `text[:start + 1]`, ..., `text[:stop]`, as one piece.

    The encoding of a prefix ends with the one reachable token that is a suffix of it and stays
    apart from the last token of what is left.

    Inputs:
        reversed_units: the trie of the reachable tokens spelt backwards.
        last: int32 (at least stop + 1,), filled up to `start`; `last[0]` is -1.

    Returns:
        `stop`, or -1 - (offset of the first byte that has no token).

    Example:
        >>> last = int32s(-1, 0, 0, 0)
        >>> extend_prefixes(bpe, reversed_units, bytes_of("abb"), 0, 3, last), last.tolist()
        (3, [-1, 0, 2, 3])
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
                if pos == 0 or stays_apart(tables.forest, np.int64(last[pos]), token):
                    found = token
            base = (unit >> 9) & BASE_MASK
        if not matched:
            found = tables.byte_token[text[end - 1]]
        if found < 0:
            return -end
        last[end] = found
    return stop
