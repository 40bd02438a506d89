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
    end_ids: NDArray[np.int64],
    out: NDArray[np.floating[Any]],
) -> float:
    """Bring the scores of permitted tokens into the order of bytes.

    Args:
        scores: float (at least V,).
        allowed: uint8, a bit for each of the V ids, as `numpy.packbits` makes them: of a large
            vocabulary they stay in the processor's first cache, where a byte for each would not.
        order: int (n,), token ids in the order of their bytes.
        end_ids: int64, ids that are permitted besides.
        out: float (n,), filled; minus infinity where a token is not allowed.

    Returns:
        The largest permitted score, those of `end_ids` included: minus infinity if there is none,
        NaN if one of them is NaN.
    """
    top = -np.inf
    defect = False
    for i in range(len(order)):
        token = order[i]
        permitted = (allowed[token >> 3] >> (7 - (token & 7))) & 1
        score = np.float64(scores[token]) if permitted else -np.inf
        out[i] = score
        top = max(top, score)
        defect |= score != score
    for token in end_ids:
        score = np.float64(scores[token])
        top = max(top, score)
        defect |= score != score
    return np.nan if defect else top


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
