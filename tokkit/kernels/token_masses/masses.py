"""Turn a row of token scores into weights over a byte-sorted vocabulary, and add them up."""

import math

import numpy as np

from tokkit.kernels.arrays import Bytes, Float64s, Floats, Int64s, Ints
from tokkit.kernels.caching import njit
from tokkit.kernels.token_masses.byte_ranges import range_sum
from tokkit.kernels.token_masses.exponentials import exp_shifted


@njit(cache=True, nogil=True)
def sort_permitted(scores: Floats, allowed: Bytes, order: Ints, out: Floats) -> float:
    """Bring the scores of permitted tokens into the order of bytes.

    Args:
        scores: float (at least V,).
        allowed: uint8 (ceil(n / 8),), a bit for each place in that order, as `numpy.packbits`
            makes them.
        order: int (n,), token ids in the order of their bytes.
        out: float (n,), of the type of the scores, filled; minus infinity where a token is not
            allowed.

    Returns:
        The largest permitted score that is a number; minus infinity if there is none.

    Example:
        >>> scores, allowed, out = np.array([1.0, 2.0, 3.0]), np.packbits([1, 0, 1]), np.empty(3)
        >>> sort_permitted(scores, allowed, int32s(2, 0, 1), out), out.tolist()
        (3.0, [3.0, -inf, 2.0])
    """
    nothing = out.dtype.type(-np.inf)
    top = nothing
    n_whole = len(order) >> 3
    for k in range(n_whole):
        bits = allowed[k]
        if bits == 255:  # neighbours are mostly permitted together, and need no tests
            for j in range(8):
                score = scores[order[8 * k + j]]
                out[8 * k + j] = score
                top = max(top, score)
        else:
            for j in range(8):
                permitted = (bits >> (7 - j)) & 1
                score = scores[order[8 * k + j]] if permitted else nothing
                out[8 * k + j] = score
                top = max(top, score)
    for i in range(8 * n_whole, len(order)):
        permitted = (allowed[n_whole] >> (7 - (i & 7))) & 1
        out[i] = scores[order[i]] if permitted else nothing
        top = max(top, out[i])
    return float(top)


@njit(cache=True, nogil=True)
def first_byte_sums(weights: Floats, first_offsets: Int64s, sums: Float64s) -> float:
    """Add up weights by the first byte of their tokens.

    Args:
        weights: float (n,), in the order of bytes.
        first_offsets: int64 (257,); the tokens that begin with byte b stand in
            `first_offsets[b]:first_offsets[b + 1]`.
        sums: float64 (at least 256,), filled.

    Returns:
        The sum of all.

    Example:
        >>> first_offsets = np.searchsorted(bytes_of("aab"), np.arange(257))  # tokens a, ab, b
        >>> first_byte_sums(np.array([1.0, 2.0, 4.0]), first_offsets, sums), sums[ord("a")]
        (7.0, 3.0)
    """
    total = 0.0
    for byte in range(256):
        sums[byte] = range_sum(weights, first_offsets[byte], first_offsets[byte + 1])
        total += sums[byte]
    return total


@njit(cache=True, nogil=True)
def weigh_row(
    scores: Floats,
    allowed: Bytes,
    order: Ints,
    first_offsets: Int64s,
    ends: Int64s,
    headroom: float,
    out: Floats,
    symbols: Float64s,
) -> float:
    """All that is done to the scores of one context, in one call: each call costs cold caches.

    Args:
        scores: see `sort_permitted`.
        allowed: see there.
        order: see there.
        first_offsets: see `first_byte_sums`.
        ends: ids whose scores are added up as the end of text.
        headroom: log of the largest weight.
        out: float (n,), of the type of the scores, filled with the weights of the tokens.
        symbols: float64 (257,), filled with the shares of each first byte, and of the end.

    Returns:
        The sum of all the weights; not a number if a score is infinite or none.

    Example:
        >>> scores, allowed, order = np.log([1.0, 3.0]), np.packbits([1, 1]), int32s(0, 1)
        >>> first_offsets = np.searchsorted(bytes_of("ab"), np.arange(257))  # tokens a, b
        >>> out, ends = np.empty(2), int64s()
        >>> total = weigh_row(scores, allowed, order, first_offsets, ends, 0.0, out, sums)
        >>> sums[[ord("a"), ord("b")]].tolist()
        [0.25, 0.75]
    """
    top = sort_permitted(scores, allowed, order, out)
    for token in ends:
        top = max(top, float(scores[token]))
    if top == math.inf:
        return math.nan
    shift = out.dtype.type(top - headroom if top > -math.inf else 0.0)
    if out.itemsize == 4:
        exp_shifted(out, shift)
    else:
        for i in range(len(out)):
            out[i] = math.exp(out[i] - shift)
    end = 0.0
    for token in ends:
        end += math.exp(float(scores[token]) - float(shift))
    total = end + first_byte_sums(out, first_offsets, symbols)
    symbols[-1] = end
    if total > 0:
        symbols /= total
    return total


@njit(cache=True, nogil=True)
def add_multiple(sums: Float64s, factor: float, values: Float64s) -> None:
    """Add `factor * values` to `sums`, both float64 (n,).

    Example:
        >>> sums = np.array([1.0, 2.0])
        >>> add_multiple(sums, 2.0, np.array([1.0, 10.0])); sums.tolist()
        [3.0, 22.0]
    """
    for i in range(len(sums)):
        sums[i] += factor * values[i]


@njit(cache=True, nogil=True)
def log_shares(masses: Float64s, logs: Float64s) -> None:
    """Logarithms of masses after they have been normalised.

    Args:
        masses: float64 (n,), not negative.
        logs: float64 (n,), filled; minus infinity where there is no mass.

    Example:
        >>> logs = np.empty(3)
        >>> log_shares(np.array([1.0, 0.0, 3.0]), logs); np.exp(logs).round(9).tolist()
        [0.25, 0.0, 0.75]
    """
    log_total = math.log(masses.sum()) if masses.any() else 0.0
    for i in range(len(masses)):
        logs[i] = math.log(masses[i]) - log_total if masses[i] > 0 else -np.inf
