"""Turn a row of token scores into weights over a byte-sorted vocabulary, and add them up.

The exponential stands between the first two kernels: see `tokkit.kernels.exponentials`.
"""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def sort_permitted(
    scores: NDArray[np.floating[Any]],
    allowed: NDArray[np.uint8],
    order: NDArray[np.integer[Any]],
    out: NDArray[np.floating[Any]],
) -> float:
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


# The order of the additions is left to the compiler, which then adds several numbers at a time.
@njit(cache=True, nogil=True, fastmath={"reassoc"})
def first_byte_sums(
    weights: NDArray[np.floating[Any]],
    first_offsets: NDArray[np.int64],
    sums: NDArray[np.float64],
) -> float:
    """Add up weights by the first byte of their tokens.

    Args:
        weights: float (n,), in the order of bytes.
        first_offsets: int64 (257,); the tokens that begin with byte b stand in
            `first_offsets[b]:first_offsets[b + 1]`.
        sums: float64 (at least 256,), filled.

    Returns:
        The sum of all.
    """
    total = 0.0
    for byte in range(256):
        part = 0.0
        for i in range(first_offsets[byte], first_offsets[byte + 1]):
            part += weights[i]
        sums[byte] = part
        total += part
    return total


@njit(cache=True, nogil=True)
def log_shares(masses: NDArray[np.float64], logs: NDArray[np.float64]) -> None:
    """Logarithms of masses after they have been normalised.

    Args:
        masses: float64 (n,), not negative.
        logs: float64 (n,), filled; minus infinity where there is no mass.
    """
    log_total = math.log(masses.sum()) if masses.any() else 0.0
    for i in range(len(masses)):
        logs[i] = math.log(masses[i]) - log_total if masses[i] > 0 else -np.inf
