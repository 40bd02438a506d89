"""A byte trie in one array: double-array layout with exclusive-or addressing.

A state is its *base*, and the child of `base` by byte `c` is the unit in slot `base ^ c`. Bases are
distinct, so a unit only has to remember its byte for a walk to know that it is a child of the state
it came from: one load of eight bytes a step. Layout of a unit (int64):

    bits 0-8    byte + 1, or 0 when the slot is empty
    bits 9-39   base of the state below it, or 0 (a block that stays empty) at a leaf
    bits 40-63  token + 1, or 0 when no token ends here

Source: J. Aoe, "An efficient digital search algorithm by using a double-array structure", 1989; the
exclusive-or form and the window of open blocks are those of S. Yata's darts-clone.
"""

import numpy as np

from tokkit.kernels.arrays import Bytes, Flags, Int32s, Int64s, Integer
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf

BLOCK = 256
OPEN_BLOCKS = 16
BASE_MASK = 0x7FFFFFFF
TOKEN_MASK = 0xFFFFFF
MAX_TOKENS = TOKEN_MASK - 1


@njit(cache=True, nogil=True)
def root(units: Int64s) -> int:
    """Base of the root (kept in the otherwise empty slot 0).

    Example:
        >>> units[root(units) ^ ord("a")] & 511 == ord("a") + 1
        True
    """
    return (units[0] >> 9) & BASE_MASK


@leaf
def longest_match(units: Int64s, text: Bytes, start: Integer, stop: Integer) -> int:
    """Longest token that is a prefix of `text[start:stop]`, or -1.

    Example:
        >>> longest_match(units, bytes_of("abba"), 0, 4)
        3
    """
    base = (units[0] >> 9) & BASE_MASK
    best = -1
    for i in range(start, stop):
        byte = np.int64(text[i])
        unit = units[base ^ byte]
        if unit & 511 != byte + 1:
            break
        token = (unit >> 40) & TOKEN_MASK
        if token:
            best = token - 1
        base = (unit >> 9) & BASE_MASK
    return int(best)


@leaf
def matches(
    units: Int64s, begins: Flags, sizes: Int32s, text: Bytes, places: Int64s, tokens: Int32s
) -> int:
    """The tokens in a text from left to right, none inside another, at one place the longest.

    Inputs:
        begins: bool (256,), which bytes begin a token.
        sizes: int32 (V,), bytes of each token.
        text: uint8 (n,).
        places: int64 (n,), filled with where each begins; tokens: int32 (n,), with which it is.

    Returns:
        How many there are.

    Example:
        >>> begins, sizes = np.arange(256) == ord("a"), int32s(1, 1, 2, 3, 1)
        >>> n = matches(units, begins, sizes, bytes_of("c-abba"), starts, ids)
        >>> starts[:n].tolist(), ids[:n].tolist()
        ([2, 5], [3, 0])
    """
    n = 0
    i = np.int64(0)
    while i < len(text):
        if begins[text[i]]:
            token = longest_match(units, text, i, len(text))
            if token >= 0:
                places[n], tokens[n] = i, token
                n += 1
                i += sizes[token]
                continue
        i += 1
    return n


@leaf
def step(units: Int64s, base: Integer, byte: Integer) -> Integer:
    """The unit below state `base` by `byte`, or 0 when there is none.

    Example:
        >>> step(units, root(units), ord("a")) > 0, step(units, root(units), ord("c"))
        (True, 0)
    """
    unit = units[base ^ byte]
    return unit if unit & 511 == byte + 1 else np.int64(0)


@njit(cache=True, nogil=True)
def _doubled(array: np.ndarray) -> np.ndarray:
    grown = np.zeros(2 * len(array), array.dtype)
    grown[: len(array)] = array
    return grown


@njit(cache=True, nogil=True)
def _unlink(following: Int32s, previous: Int32s, slot: Integer) -> None:
    """Take a slot out of the circular list of free slots whose anchor is slot 0."""
    following[previous[slot]] = following[slot]
    previous[following[slot]] = previous[slot]
    following[slot] = 0
    previous[slot] = 0


@njit(cache=True, nogil=True)
def _open_block(following: Int32s, previous: Int32s, first: int) -> None:
    """Append the slots of a fresh block to the free list; retire the one that leaves the window."""
    for slot in range(first, first + BLOCK):
        last = previous[0]
        following[last] = slot
        previous[slot] = last
        following[slot] = 0
        previous[0] = slot
    retired = first - OPEN_BLOCKS * BLOCK
    if retired >= BLOCK:
        for slot in range(retired, retired + BLOCK):
            if following[slot] or previous[slot]:
                _unlink(following, previous, slot)


@njit(cache=True, nogil=True)
def _find_base(
    units: Int64s, taken: Flags, following: Int32s, labels: Int64s, n_labels: int
) -> int:
    """A base that is not taken and whose slots for all labels are free, or 0."""
    slot = following[0]
    while slot:
        base = slot ^ labels[0]
        if not taken[base]:
            fits = True
            for k in range(1, n_labels):
                if units[base ^ labels[k]]:
                    fits = False
                    break
            if fits:
                return base
        slot = following[slot]
    return 0


@njit(cache=True, nogil=True)
def _split_by_byte(
    blob: Bytes,
    offsets: Int64s,
    order: Int32s,
    low: Integer,
    high: Integer,
    depth: Integer,
    labels: Int64s,
    edges: Int64s,
) -> int:
    """Group the sorted tokens `order[low:high]` by their byte at `depth`; return the number."""
    n_labels = 0
    for i in range(low, high):
        byte = np.int64(blob[offsets[order[i]] + depth])
        if n_labels == 0 or labels[n_labels - 1] != byte:
            labels[n_labels] = byte
            edges[n_labels] = i
            n_labels += 1
    edges[n_labels] = high
    return n_labels


@njit(cache=True, nogil=True)
def build(blob: Bytes, offsets: Int64s, order: Int32s, is_output: Flags) -> tuple[Int64s, Int32s]:
    """Build the trie of the tokens in `order`.

    Inputs:
        blob: uint8, the bytes of all tokens one after the other.
        offsets: int64 (V + 1,), where each token begins in `blob`.
        order: int32 (k,), ids sorted by their bytes, no two alike, none empty.
        is_output: bool (V,), the tokens that `next_prefix` may name.

    Returns:
        `units`: int64, the trie; and `next_prefix`: int32 (V,), for each token in `order` the
        longest output token that is a proper prefix of it, else -1.

    Example:
        >>> offsets, order = int64s(0, 1, 3), int32s(0, 1)
        >>> units, next_prefix = build(bytes_of("aab"), offsets, order, np.ones(2, np.bool_))
        >>> longest_match(units, bytes_of("ab"), 0, 2), next_prefix.tolist()
        (1, [-1, 0])
    """
    capacity = 64 * BLOCK
    units = np.zeros(capacity, np.int64)
    following = np.zeros(capacity, np.int32)
    previous = np.zeros(capacity, np.int32)
    taken = np.zeros(capacity, np.bool_)
    size = BLOCK
    next_prefix = np.full(len(offsets) - 1, -1, np.int32)
    labels = np.empty(BLOCK, np.int64)
    edges = np.empty(BLOCK + 1, np.int64)
    # One row a pending state: first and last token, depth, slot, longest output token above.
    stack = np.empty((4 * BLOCK, 5), np.int64)
    stack[0] = (0, len(order), 0, 0, -1)
    top = 1
    while top:
        top -= 1
        low, high, depth, slot, above = stack[top]
        if low < high and offsets[order[low] + 1] - offsets[order[low]] == depth:
            token = order[low]
            units[slot] |= np.int64(token + 1) << 40
            next_prefix[token] = above
            if is_output[token]:
                above = np.int64(token)
            low += 1
        if low == high:
            continue
        n_labels = _split_by_byte(blob, offsets, order, low, high, depth, labels, edges)
        base = _find_base(units, taken, following, labels, n_labels)
        if base == 0:
            if size == capacity:
                units, taken = _doubled(units), _doubled(taken)
                following, previous = _doubled(following), _doubled(previous)
                capacity *= 2
            _open_block(following, previous, size)
            base = size ^ labels[0]
            size += BLOCK
        taken[base] = True
        units[slot] |= np.int64(base) << 9
        if top + n_labels > len(stack):
            grown = np.empty((2 * len(stack), 5), np.int64)
            grown[:top] = stack[:top]
            stack = grown
        for k in range(n_labels):
            child = base ^ labels[k]
            units[child] = labels[k] + 1
            _unlink(following, previous, child)
            stack[top] = (edges[k], edges[k + 1], depth + 1, child, above)
            top += 1
    return units[:size].copy(), next_prefix
