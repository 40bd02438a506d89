"""Turn a row of token log-probabilities into probabilities over a byte-sorted vocabulary."""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def masked_probabilities(
    logprobs: NDArray[np.floating[Any]],
    order: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    ends: NDArray[np.int64],
    may_end: bool,
    out: NDArray[np.float64],
) -> tuple[float, float]:
    """Renormalise over the tokens that may follow, and over end of text where it may.

    Args:
        logprobs: float (V',), natural logs up to a constant.
        order: int64 (n,), token ids in the order of their bytes.
        allowed: bool (V,).
        ends: int64 (e,), ids that end a text.
        may_end: whether the text may end here.
        out: float64 (n,), filled with the probability of each token, in the order of bytes.

    Returns:
        The probability of end of text, and the total before renormalising relative to the largest
        log-probability: NaN if an entry that matters is NaN, 0 if nothing may follow.
    """
    top = -math.inf
    for i in range(len(order)):
        if allowed[order[i]] and not logprobs[order[i]] <= top:
            top = logprobs[order[i]]
    if may_end:
        for i in range(len(ends)):
            if not logprobs[ends[i]] <= top:
                top = logprobs[ends[i]]
    if top == -math.inf:
        out[:] = 0.0
        return 0.0, 0.0
    total = 0.0
    for i in range(len(order)):
        token = order[i]
        out[i] = math.exp(logprobs[token] - top) if allowed[token] else 0.0
        total += out[i]
    end = 0.0
    if may_end:
        for i in range(len(ends)):
            end += math.exp(logprobs[ends[i]] - top)
    total += end
    for i in range(len(order)):
        out[i] /= total
    return end / total, total
