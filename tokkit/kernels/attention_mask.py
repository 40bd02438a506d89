"""The mask that attention adds to its scores: `fill_additive`."""

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.arrays import Flags
from tokkit.kernels.caching import njit


@njit(cache=True, nogil=True)
def fill_additive(allowed: Flags, mask: NDArray[np.float32]) -> None:
    """Write 0 where a query may look, and minus infinity elsewhere.

    Args:
        allowed: bool (q, keys).
        mask: float32 (q, keys), filled.

    Example:
        >>> mask = np.empty((1, 2), np.float32)
        >>> fill_additive(np.array([[True, False]]), mask); mask.tolist()
        [[0.0, -inf]]
    """
    for query in range(allowed.shape[0]):
        for key in range(allowed.shape[1]):
            mask[query, key] = np.float32(0.0) if allowed[query, key] else np.float32(-np.inf)
