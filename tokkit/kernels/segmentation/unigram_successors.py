"""Which pieces may follow a Unigram segmentation: Viterbi along the sorted vocabulary.

A piece t may follow a text x, segmented up to its end, iff the best path to the end of x + t ends
with t. The vocabulary, sorted by bytes, is a walk through its trie: each piece keeps the levels of
the dynamic programme that it shares with the one before. A level knows the best score there and the
trie state of every start, in x or in the piece, whose piece is not complete yet.

A level is *clean* when no piece that begins in x reaches it or goes on beyond it, and none ended on
the way. Below a clean level x plays no part, and a piece may follow iff it is the segmentation of
its own bytes; but for rounding, so pieces that win or lose by next to nothing are always walked.
"""

import numpy as np

from tokkit.kernels.arrays import Bytes, Flags, Float64s, Int32s, Int64s, Integer
from tokkit.kernels.caching import njit
from tokkit.kernels.segmentation.trie import BASE_MASK, TOKEN_MASK
from tokkit.kernels.segmentation.viterbi import UNSET, UnigramTables, extend, rounded
from tokkit.kernels.texts.utf8 import character_length

NOWHERE = np.int64(1) << 40

Levels = tuple[Int64s, Float64s, Flags, Bytes]


@njit(cache=True, nogil=True)
def shared_prefixes(blob: Bytes, offsets: Int64s, order: Int32s) -> Int32s:
    """int32 (k,): bytes that each token of `order` shares with the one before it; 0 at first.

    Example:
        >>> shared_prefixes(blob, offsets, int32s(0, 2, 3, 1)).tolist()  # a, ab, abb, b
        [0, 1, 2, 0]
    """
    shared = np.zeros(len(order), np.int32)
    for i in range(1, len(order)):
        a, b = offsets[order[i - 1]], offsets[order[i]]
        limit = min(offsets[order[i - 1] + 1] - a, offsets[order[i] + 1] - b)
        n = 0
        while n < limit and blob[a + n] == blob[b + n]:
            n += 1
        shared[i] = n
    return shared


@njit(cache=True, nogil=True)
def _open_starts(
    tables: UnigramTables,
    text: Bytes,
    n: int,
    longest: int,
    best: Float64s,
    bases: Int64s,
    scores: Float64s,
    starts: Int64s,
) -> int:
    """Fill level 0 with the starts in x whose pieces may go on beyond it, and the end of x."""
    root = (tables.units[0] >> 9) & BASE_MASK
    n_open = 0
    for pos in range(max(n - longest, 0), n):
        if best[pos] == UNSET:
            continue
        base = root
        for i in range(pos, n):
            byte = np.int64(text[i])
            unit = tables.units[base ^ byte]
            base = (unit >> 9) & BASE_MASK if unit & 511 == byte + 1 else 0
            if base == 0:
                break
        if base:
            bases[n_open] = base
            scores[n_open] = best[pos]
            starts[n_open] = pos - n
            n_open += 1
    bases[n_open] = root
    scores[n_open] = best[n]
    starts[n_open] = 0
    return n_open + 1


@njit(cache=True, nogil=True)
def _step(
    tables: UnigramTables,
    byte: Integer,
    depth: Integer,
    character: Integer,
    closes: bool,
    levels: Levels,
    bases: Int64s,
    scores: Float64s,
    starts: Int64s,
) -> None:
    """Compute level `depth + 1` from level `depth`.

    Inputs:
        character: depth at which the character of `byte` begins; closes: whether it ends here.
        levels: (first, best, whole, dirty), each indexed by depth.
    """
    first, level_best, whole, dirty = levels
    best, wins, covered, crossed = UNSET, False, False, dirty[depth] == 2
    at = first[depth + 1]
    alive = False
    for k in range(first[depth], first[depth + 1]):
        unit = tables.units[bases[k] ^ byte]
        if unit & 511 != byte + 1:
            continue
        token = ((unit >> 40) & TOKEN_MASK) - 1
        if token >= 0:
            score = rounded(tables, scores[k] + tables.scores[token])
            crossed = crossed or starts[k] < 0
            covered = covered or starts[k] == character
            if best == UNSET or score > best:
                best = score
                wins = starts[k] == 0
        base = (unit >> 9) & BASE_MASK
        if base:
            bases[at] = base
            scores[at] = scores[k]
            starts[at] = starts[k]
            alive = alive or starts[k] < 0
            at += 1
    if closes and not covered and level_best[character] != UNSET:
        score = rounded(tables, level_best[character] + tables.unk_score[0])
        if best == UNSET or score > best:
            best = score
            wins = False
    if best != UNSET:
        bases[at] = (tables.units[0] >> 9) & BASE_MASK
        scores[at] = best
        starts[at] = depth + 1
        at += 1
    first[depth + 2] = at
    level_best[depth + 1] = best
    whole[depth + 1] = wins
    dirty[depth + 1] = 2 if crossed else (1 if alive else 0)


@njit(cache=True, nogil=True)
def mark_pieces(
    tables: UnigramTables,
    blob: Bytes,
    offsets: Int64s,
    order: Int32s,
    shared: Int32s,
    walk: Flags,
    text: Bytes,
    n: int,
    longest: int,
    best: Float64s,
    mask: Flags,
) -> None:
    """Correct `mask`, which holds the pieces that are segmentations of their own bytes.

    Inputs:
        order, shared: int32 (k,), the pieces sorted by bytes, and `shared_prefixes` of them.
        walk: bool (V,), pieces to decide even below a clean level.
        text: uint8, the bytes x in its first n places; best: float64 (n + 1,), from `segment`.
        longest: bytes of the longest piece.
        mask: bool (V,), corrected in place.

    Example:
        >>> mask = np.array([True, True, True, False, False])
        >>> x, best = bytes_of("a"), np.array([0.0, -1.0])
        >>> order, shared = int32s(0, 2, 3, 1), int32s(0, 1, 2, 0)
        >>> mark_pieces(unigram, blob, offsets, order, shared, flags, x, 1, 3, best, mask)
        >>> mask.tolist()  # b would join the a before it
        [True, False, True, False, False]
    """
    first = np.zeros(longest + 3, np.int64)
    level_best = np.full(longest + 2, UNSET)
    whole = np.zeros(longest + 2, np.bool_)
    dirty = np.zeros(longest + 2, np.uint8)
    levels = (first, level_best, whole, dirty)
    capacity = np.int64(16 * (longest + 2))
    bases = np.empty(capacity, np.int64)
    scores = np.empty(capacity, np.float64)
    starts = np.empty(capacity, np.int64)
    first[1] = _open_starts(tables, text, n, longest, best, bases, scores, starts)
    level_best[0] = best[n]
    dirty[0] = 1 if first[1] > 1 else 0
    depth = 0
    clean = NOWHERE
    for i in range(len(order)):
        token = order[i]
        begin, length = offsets[token], offsets[token + 1] - offsets[token]
        depth = min(depth, np.int64(shared[i]))
        if depth < clean:
            clean = NOWHERE if dirty[0] else np.int64(0)
        if clean != NOWHERE and not walk[token]:
            continue
        character = np.int64(0)
        while True:
            character_end = character + character_length(blob, begin + character, begin + length)
            while depth < min(character_end, length):
                # A level holds at most one state more than the one above.
                room = first[depth + 1] - first[depth] + 1
                if first[depth + 1] + room > len(bases):
                    bases = np.append(bases, np.empty(len(bases) + room, np.int64))
                    scores = np.append(scores, np.empty(len(scores) + room, np.float64))
                    starts = np.append(starts, np.empty(len(starts) + room, np.int64))
                _step(
                    tables,
                    np.int64(blob[begin + depth]),
                    depth,
                    character,
                    depth + 1 == character_end,
                    levels,
                    bases,
                    scores,
                    starts,
                )
                depth += 1
                if clean == NOWHERE and dirty[depth] == 0:
                    clean = depth
                    if not walk[token]:
                        break
            character = character_end
            if character >= length or (clean != NOWHERE and not walk[token]):
                break
        if depth == length and (clean == NOWHERE or walk[token]):
            mask[token] = whole[length]


@njit(cache=True, nogil=True)
def mark_bytes(
    tables: UnigramTables,
    text: Bytes,
    n: int,
    longest: int,
    best: Float64s,
    last: Int32s,
    mask: Flags,
) -> None:
    """Set `mask` at the BYTE tokens that may follow.

    Inputs:
        text: uint8 (n + 1,), best: float64 (n + 2,), last: int32 (n + 2,): x in the first n places,
            segmented; the last four entries are overwritten.

    Example:
        >>> mark_bytes(unigram, bytes_of("a?"), 1, 3, best, last, flags); flags[:5].tolist()
        [False, False, False, False, True]
    """
    for byte in range(256):
        token = tables.byte_token[byte]
        if token >= 0:
            text[n] = byte
            extend(tables, text, n, n + 1, longest, best, last)
            # Only unknown characters are spelt in bytes, or leave a position without a path.
            mask[token] = last[n + 1] < 0
