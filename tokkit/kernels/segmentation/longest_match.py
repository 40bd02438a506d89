"""WordPiece segmentation: from the left, the longest token that matches.

Source: M. Schuster, K. Nakajima, "Japanese and Korean voice search" (2012), as in BERT's tokenizer.
"""

import numpy as np

from tokkit.kernels.arrays import Bytes, Flags, Int32s, Int64s
from tokkit.kernels.caching import njit
from tokkit.kernels.segmentation.trie import BASE_MASK, TOKEN_MASK, longest_match
from tokkit.kernels.texts.utf8 import character_length

NO_MATCH = -1
TOO_LONG = -2


@njit(cache=True, nogil=True)
def count_characters(text: Bytes, start: int, stop: int) -> int:
    """Characters of `text[start:stop]`; a byte that is not valid UTF-8 counts as one.

    Example:
        >>> count_characters(bytes_of("né"), 0, 3)
        2
    """
    n = 0
    pos = start
    while pos < stop:
        pos += character_length(text, pos, stop)
        n += 1
    return n


@njit(cache=True, nogil=True)
def encode(
    initial: Int64s,
    continuing: Int64s,
    lengths: Int32s,
    max_chars: int,
    text: Bytes,
    bounds: Int64s,
    ids: Int32s,
    ends: Int64s,
    keep: bool,
    unk: int,
) -> tuple[int, int]:
    """Encode each word `text[bounds[k]:bounds[k + 1]]` on its own.

    Inputs:
        initial, continuing: tries of the tokens that begin a word, and of those that go on.
        lengths: int32 (V,), bytes of each token, as it is spelt in the tries.
        max_chars: words with more characters are unknown.
        text: uint8 (n,). bounds: int64 (k + 1,), non-decreasing, 0 to n.
        ids: int32, ends: int64: (n,), or (longest word,) without `keep`.
        keep: whether to keep the ids of all words, or only their number.
        unk: the id that an unknown word becomes, or NO_MATCH to stop there.

    Returns:
        (number of ids, -1), or (NO_MATCH, where nothing matched), or (TOO_LONG, where the word
        begins).

    Example:
        >>> lengths, bounds = int32s(1, 1, 2, 3, 1), int64s(0, 4)
        >>> n, _ = encode(units, units, lengths, 100, bytes_of("abba"), bounds, ids, ends, True, -1)
        >>> ids[:n].tolist(), ends[:n].tolist()
        ([3, 0], [3, 4])
    """
    n_ids = 0
    for k in range(len(bounds) - 1):
        start, stop = bounds[k], bounds[k + 1]
        at = n_ids if keep else 0
        base, pos, problem = at, start, 0
        # A word has no more characters than bytes: most need no counting.
        if stop - start > max_chars and count_characters(text, start, stop) > max_chars:
            problem = TOO_LONG
        while pos < stop and problem == 0:
            token = longest_match(initial if pos == start else continuing, text, pos, stop)
            if token < 0:
                problem = NO_MATCH
            else:
                pos += lengths[token]
                ids[at] = token
                ends[at] = pos
                at += 1
        if problem:
            if unk < 0:
                return problem, pos
            ids[base] = unk
            ends[base] = stop
            at = base + 1
        n_ids += at - base
    return n_ids, -1


@njit(cache=True, nogil=True)
def mark_overtaken(
    initial: Int64s,
    continuing: Int64s,
    blob: Bytes,
    offsets: Int64s,
    order: Int32s,
    shared: Int32s,
    text: Bytes,
    begins: Int64s,
    invalid: Flags,
) -> None:
    """Find the continuing tokens with which a token before them would have matched on.

    Inputs:
        blob, offsets: the bytes of all tokens, as spelt in the tries.
        order, shared: int32 (k,), the continuing tokens sorted by bytes, and how many bytes each
            shares with the one before.
        text: uint8 (n,), the word so far; begins: int64, where its tokens begin.
        invalid: bool (V,), all False; filled in place.

    Example:
        >>> order, shared, x = int32s(0, 2, 3, 1), int32s(0, 1, 2, 0), bytes_of("a")
        >>> mark_overtaken(units, units, blob, offsets, order, shared, x, int64s(0), flags)
        >>> flags[:4].tolist()  # a, then b: ab would have matched
        [False, True, False, False]
    """
    # One row a depth: the trie states of the tokens before that are still open, and how many.
    longest = 0
    for token in order:
        longest = max(longest, offsets[token + 1] - offsets[token])
    states = np.zeros((longest + 1, len(begins)), np.int64)
    n_open = np.zeros(longest + 1, np.int64)
    for begin in begins:
        units = initial if begin == 0 else continuing
        base = (units[0] >> 9) & BASE_MASK
        for i in range(begin, len(text)):
            byte = np.int64(text[i])
            unit = units[base ^ byte]
            base = (unit >> 9) & BASE_MASK if unit & 511 == byte + 1 else 0
            if base == 0:
                break
        if base:
            # The sign tells the two tries apart.
            states[0, n_open[0]] = -base if begin == 0 else base
            n_open[0] += 1
    depth = 0
    overtaken = np.zeros(longest + 1, np.bool_)
    for i in range(len(order)):
        token = order[i]
        depth = min(depth, np.int64(shared[i]))
        begin, length = offsets[token], offsets[token + 1] - offsets[token]
        while depth < length and (n_open[depth] or overtaken[depth]):
            byte = np.int64(blob[begin + depth])
            found = overtaken[depth]
            n = 0
            for k in range(n_open[depth]):
                state = states[depth, k]
                unit = initial[-state ^ byte] if state < 0 else continuing[state ^ byte]
                if unit & 511 != byte + 1:
                    continue
                found = found or (unit >> 40) & TOKEN_MASK > 0
                base = (unit >> 9) & BASE_MASK
                if base:
                    states[depth + 1, n] = -base if state < 0 else base
                    n += 1
            depth += 1
            n_open[depth] = n
            overtaken[depth] = found
        # Levels stop early only where nothing is open, and nothing was found.
        invalid[token] = overtaken[depth]


@njit(cache=True, nogil=True)
def first_open(units: Int64s, text: Bytes, begins: Int64s) -> int:
    """Index of the first token of a text that a longer one may overtake, once the text goes on.

    Inputs:
        units: the trie of all tokens. text: uint8 (n,); begins: int64 (k,), where its tokens begin.

    Returns:
        0 to k; k if there is none.

    Example:
        >>> first_open(units, bytes_of("ba"), int64s(0, 1))
        1
    """
    for k in range(len(begins)):
        base = (units[0] >> 9) & BASE_MASK
        for i in range(begins[k], len(text)):
            byte = np.int64(text[i])
            unit = units[base ^ byte]
            base = (unit >> 9) & BASE_MASK if unit & 511 == byte + 1 else 0
            if base == 0:
                break
        if base:
            return k
    return len(begins)
