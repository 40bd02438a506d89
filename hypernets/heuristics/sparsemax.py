"""Sparsemax: the distribution nearest to a vector of scores (Martins and Astudillo, ICML 2016).

Where softmax gives every score a weight, this one gives 0 to those that are far below the others:
w = max(z - t, 0), with the one threshold t for which the weights sum to 1 (their Algorithm 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sparsemax(scores: Floats) -> Floats:
    """float64 (n, m): weights of each row, not negative, which sum to 1.

    Args:
        scores: float64 (n, m), finite, m at least 1.
    """
    falling = -np.sort(-scores, axis=1)
    sums = np.cumsum(falling, axis=1) - 1.0
    places = np.arange(1, scores.shape[1] + 1)
    size = (places * falling > sums).sum(axis=1, keepdims=True)  # of the support
    threshold = np.take_along_axis(sums, size - 1, axis=1) / size
    return np.maximum(scores - threshold, 0.0)
