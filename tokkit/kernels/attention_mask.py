"""The mask that attention adds to its scores: `fill_additive`."""

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.caching import njit


@njit(cache=True, nogil=True)
def fill_additive(allowed: NDArray[np.bool_], mask: NDArray[np.float32]) -> None:
    """Write 0 where a query may look, and minus infinity elsewhere.

    Args:
        allowed: bool (q, keys).
        mask: float32 (q, keys), filled.
    """
    for query in range(allowed.shape[0]):
        for key in range(allowed.shape[1]):
            mask[query, key] = np.float32(0.0) if allowed[query, key] else np.float32(-np.inf)
