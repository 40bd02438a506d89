"""Turn a row of token scores into probabilities over a byte-sorted vocabulary, and add them up.

The exponential stands between the two kernels, in NumPy, which computes it several values at a
time, but is slow where infinities stand among them. So tokens that are not allowed get the score of
one that is before it, and the weight 0 after it.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def sort_permitted(
    scores: NDArray[np.floating[Any]],
    allowed: NDArray[np.bool_],
    order: NDArray[np.int32],
    out: NDArray[np.float64],
) -> float:
    """Bring the scores of permitted tokens into the order of bytes.

    Args:
        scores: float (at least V,).
        allowed: bool (V,).
        order: int32 (n,), token ids in the order of their bytes.
        out: float64 (n,), filled; where a token is not allowed, with the largest score of those
            before it that are, minus infinity if there is none.

    Returns:
        The largest permitted score: minus infinity if there is none, NaN if one of them is NaN.
    """
    top = -np.inf
    defect = False
    for i in range(len(order)):
        token = order[i]
        score = np.float64(scores[token]) if allowed[token] else top
        out[i] = score
        top = max(top, score)
        defect |= score != score
    return np.nan if defect else top


@njit(cache=True, nogil=True)
def normalise(
    weights: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    order: NDArray[np.int32],
    first_offsets: NDArray[np.int64],
    end: float,
    symbols: NDArray[np.float64],
) -> float:
    """Divide the weights of permitted tokens by their sum, and add them up by first byte.

    Args:
        weights: float64 (n,), not negative, in the order of bytes; divided in place, and set to 0
            where a token is not allowed.
        allowed: bool (V,).
        order: int32 (n,), token ids in the order of their bytes.
        first_offsets: int64 (257,); the tokens that begin with byte b stand in
            `first_offsets[b]:first_offsets[b + 1]`.
        end: the weight of end of text, part of the sum.
        symbols: float64 (257,), filled with the probability of each first byte, and of the end.

    Returns:
        The sum; if it is not positive and finite, nothing has been divided.
    """
    total = end
    for byte in range(256):
        part = 0.0
        for i in range(first_offsets[byte], first_offsets[byte + 1]):
            if not allowed[order[i]]:
                weights[i] = 0.0
            part += weights[i]
        symbols[byte] = part
        total += part
    symbols[256] = end
    if total > 0 and total < np.inf:
        for i in range(len(weights)):
            weights[i] /= total
        for symbol in range(257):
            symbols[symbol] /= total
    return total
