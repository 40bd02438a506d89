"""Logits of rows that are weighted sums of base rows: the same sums of the base rows' logits.

Rows are visited in order of how many parts they have, so that the inner loop runs equally often for
many rows in turn, which the processor foresees; that halves the time.
"""

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.arrays import Int32s, Int64s
from tokkit.kernels.caching import njit

Float32s = NDArray[np.float32]


@njit(cache=True, nogil=True)
def weighted_sums(
    base: Float32s,
    order: Int32s,
    starts: Int64s,
    parts: Int32s,
    weights: Float32s,
    bias: Float32s,
    out: Float32s,
) -> None:
    """For each row the sum of `weights` times `base` at its `parts`, plus its bias.

    Inputs:
        base: float32 (b,), logits of the base rows.
        order: int32 (n,), the rows in the order in which they are visited.
        starts: int64 (n + 1,), where the parts of each visited row start.
        parts, weights: int32 and float32 (z,).
        bias: float32 (n,), of each visited row.
        out: float32 (n,), filled, by row.

    Example:
        >>> sums, half = np.zeros(1, np.float32), np.full(2, 0.5, np.float32)
        >>> base, none = np.array([1, 3], np.float32), np.zeros(1, np.float32)
        >>> weighted_sums(base, int32s(0), int64s(0, 2), int32s(0, 1), half, none, sums)
        >>> sums.tolist()
        [2.0]
    """
    for visit in range(len(order)):
        total = np.float32(0)
        for z in range(starts[visit], starts[visit + 1]):
            total += weights[z] * base[parts[z]]
        out[order[visit]] = total + bias[visit]
