"""Unigram segmentation: the path of pieces with the highest sum of scores.

`best[p]` is the score of the best path to position p. From each position that a path reaches, every
piece that matches there is tried, from left to right; a later candidate replaces an earlier one
only if it is strictly better, so on ties the longest last piece wins. A character that is no piece
by itself costs `unk_score`. This is `EncodeOptimized` of
SentencePiece (unigram_model.cc) and of Hugging Face's `tokenizers`, which differ in one thing: the
former adds in float32, the latter in float64. Rounding depends on the absolute score, so ties and
near-ties far into a piece are decided by it; `single` says which of the two to follow.

SentencePiece 0.2.3 departs from plain float32 in pieces of some fifty kilobytes and more (paths
below a score of about -1e5); there, near-ties may go the other way.

Source: T. Kudo, "Subword Regularization" (2018), section 3.1, for the model.
"""

from typing import NamedTuple

import numpy as np

from tokkit.kernels.arrays import Bytes, Flags, Float64s, Int32s, Int64s, Integer
from tokkit.kernels.caching import njit
from tokkit.kernels.segmentation.trie import BASE_MASK, TOKEN_MASK
from tokkit.kernels.texts.utf8 import character_length

UNSET = -np.inf
UNKNOWN = -1
LONGEST_CHARACTER = 4


class UnigramTables(NamedTuple):
    """What the segmenter reads.

    units: the trie of `trie.build` over the pieces.
    lengths: int32 (V,), bytes of each piece.
    scores: float64 (V,).
    byte_token: int32 (256,), the BYTE token of each byte, or -1.
    unk_score: float64 (1,).
    single: bool (1,), whether path scores are added in float32.
    """

    units: Int64s
    lengths: Int32s
    scores: Float64s
    byte_token: Int32s
    unk_score: Float64s
    single: Flags


@njit(cache=True, nogil=True)
def rounded(tables: UnigramTables, score: float) -> float:
    """A path score to the precision of the reference.

    Example:
        >>> rounded(unigram, 0.1), rounded(unigram._replace(single=np.array([True])), 0.1)
        (0.1, 0.10000000149011612)
    """
    return np.float64(np.float32(score)) if tables.single[0] else score


@njit(cache=True, nogil=True)
def push(
    tables: UnigramTables,
    text: Bytes,
    pos: Integer,
    stop: Integer,
    first_open: Integer,
    best: Float64s,
    last: Int32s,
) -> None:
    """Try every piece at `pos`, and the unknown character; update ends from `first_open` on.

    Inputs:
        best: float64, UNSET at positions that no path reaches yet, indexed like `text`.
        last: int32, the last piece of the best path to each position, or UNKNOWN.

    Example:
        >>> best, last = np.array([0.0, UNSET, UNSET]), int32s(-1, -1, -1)
        >>> push(unigram, bytes_of("ab"), 0, 2, 0, best, last); best.tolist(), last.tolist()
        ([0.0, -1.0, -1.5], [-1, 0, 2])
    """
    here = best[pos]
    character_end = pos + character_length(text, pos, stop)
    covered = False
    base = (tables.units[0] >> 9) & BASE_MASK
    for i in range(pos, stop):
        byte = np.int64(text[i])
        unit = tables.units[base ^ byte]
        if unit & 511 != byte + 1:
            break
        base = (unit >> 9) & BASE_MASK
        token = ((unit >> 40) & TOKEN_MASK) - 1
        if token >= 0:
            end = i + 1
            covered = covered or end == character_end
            score = rounded(tables, here + tables.scores[token])
            if end >= first_open and (best[end] == UNSET or score > best[end]):
                best[end] = score
                last[end] = token
    if not covered and character_end >= first_open:
        score = rounded(tables, here + tables.unk_score[0])
        if best[character_end] == UNSET or score > best[character_end]:
            best[character_end] = score
            last[character_end] = UNKNOWN


@njit(cache=True, nogil=True)
def segment(
    tables: UnigramTables, text: Bytes, start: Integer, stop: Integer, best: Float64s, last: Int32s
) -> None:
    """Fill `best` and `last` over `text[start:stop]`; index p - start stands for position p.

    Example:
        >>> segment(unigram, bytes_of("abb"), 0, 3, best, last)
        >>> best[:4].tolist(), last[:4].tolist()
        ([0.0, -1.0, -1.5, -2.5], [-1, 0, 2, 1])
    """
    piece = text[start:stop]
    n = stop - start
    best[: n + 1] = UNSET
    last[: n + 1] = UNKNOWN
    best[0] = 0.0
    for pos in range(n):
        if best[pos] != UNSET:
            push(tables, piece, pos, n, 0, best, last)


@njit(cache=True, nogil=True)
def extend(
    tables: UnigramTables,
    text: Bytes,
    n_before: int,
    n: int,
    longest: int,
    best: Float64s,
    last: Int32s,
) -> None:
    """Fill `best` and `last` up to position n, given that they hold up to `n_before`.

    The last three positions are redone: a character that was cut there may be whole now.

    Example:
        >>> segment(unigram, bytes_of("abb"), 0, 2, best, last)
        >>> extend(unigram, bytes_of("abb"), 2, 3, 3, best, last); best[:4].tolist()
        [0.0, -1.0, -1.5, -2.5]
    """
    first_open = max(n_before - 2, 1)
    best[first_open : n + 1] = UNSET
    last[first_open : n + 1] = UNKNOWN
    best[0] = 0.0
    last[0] = UNKNOWN
    reach = max(longest, LONGEST_CHARACTER)
    for pos in range(max(first_open - reach, 0), n):
        if best[pos] != UNSET:
            push(tables, text, pos, n, first_open, best, last)


@njit(cache=True, nogil=True)
def _emit(
    tables: UnigramTables,
    text: Bytes,
    start: int,
    stop: int,
    best: Float64s,
    last: Int32s,
    ids: Int32s,
    ends: Int64s,
    base: int,
    whole: bool,
) -> int:
    """Write the path that `segment` found behind `ids[:base]`; result as for `encode`."""
    # The path is known backwards: write it to the far end of the room, then close the gap.
    room = base + (stop - start)
    at = room
    pos = stop
    missing = -1
    while pos > start:
        token = last[pos - start]
        if token == UNKNOWN and whole:
            # Paths stop at every end of a character, and nowhere else.
            width = 1
            while best[pos - width - start] == UNSET:
                width += 1
        elif token == UNKNOWN or best[pos - start] == UNSET:
            token = tables.byte_token[text[pos - 1]]
            if token < 0:
                missing = pos - 1
            width = 1
        else:
            width = int(tables.lengths[token])
        at -= 1
        ids[at] = token
        ends[at] = pos
        pos -= width
    if missing >= 0:
        return -1 - missing
    n = room - at
    for k in range(n):
        ids[base + k] = ids[at + k]
        ends[base + k] = ends[at + k]
    return base + n


@njit(cache=True, nogil=True)
def encode(
    tables: UnigramTables,
    text: Bytes,
    bounds: Int64s,
    best: Float64s,
    last: Int32s,
    ids: Int32s,
    ends: Int64s,
    keep: bool,
    whole: bool,
) -> int:
    """Encode each piece `text[bounds[k]:bounds[k + 1]]` on its own.

    Inputs:
        text: uint8 (n,). bounds: int64 (k + 1,), non-decreasing, 0 to n.
        best: float64, last: int32 (longest piece + 1,): scratch.
        ids: int32, ends: int64: (n,), or (longest piece,) without `keep`.
        keep: whether to keep the ids of all pieces, or only their number.
        whole: write UNKNOWN for each unknown character, rather than the BYTE tokens of its bytes.

    Returns:
        The number of ids, or -1 - (offset of the first byte that has no token).

    Example:
        >>> n = encode(unigram, bytes_of("abb"), int64s(0, 3), best, last, ids, ends, True, False)
        >>> ids[:n].tolist(), ends[:n].tolist()
        ([2, 1], [2, 3])
    """
    n_ids = 0
    for k in range(len(bounds) - 1):
        start, stop = bounds[k], bounds[k + 1]
        segment(tables, text, start, stop, best, last)
        base = n_ids if keep else 0
        n = _emit(tables, text, start, stop, best, last, ids, ends, base, whole)
        if n < 0:
            return n
        n_ids += n - base
    return n_ids


@njit(cache=True, nogil=True)
def margins(
    tables: UnigramTables,
    blob: Bytes,
    offsets: Int64s,
    members: Int32s,
    best: Float64s,
    last: Int32s,
    margin: Float64s,
) -> None:
    """How far each piece is ahead of every other segmentation of its bytes.

    Inputs:
        members: int32 (k,), ids of the pieces in the trie.
        best, last: scratch, (longest + 1,).
        margin: float64 (V,), filled at members: score - best other score, >= 0 iff the piece is
            the segmentation of its own bytes (on ties the whole piece wins).

    Example:
        >>> margin = np.zeros(5)
        >>> margins(unigram, blob, offsets, int32s(2, 3), best, last, margin); margin[2:4].tolist()
        [0.5, -1.5]
    """
    for token in members:
        start, stop = offsets[token], offsets[token + 1]
        segment(tables, blob, start, stop, best, last)
        if last[stop - start] == token:
            # Without the whole piece: replay the pushes, all but that one.
            n = stop - start
            best[n] = UNSET
            for pos in range(1, n):
                if best[pos] != UNSET:
                    push(tables, blob[start:stop], pos, n, n, best, last)
            margin[token] = rounded(tables, float(tables.scores[token])) - best[n]
        else:
            margin[token] = rounded(tables, float(tables.scores[token])) - best[stop - start]
            margin[token] = min(margin[token], -1e-300)
