"""Where tokens end that stand one behind the other."""

from tokkit.kernels.arrays import Int32s, Int64s
from tokkit.kernels.leaf import leaf


@leaf
def fill_ends(ids: Int32s, lengths: Int32s, ends: Int64s) -> None:
    """The running sum of the lengths of tokens.

    Inputs:
        ids: int32 (n,). lengths: int32 (V,), bytes of each token.
        ends: int64 (n,), filled.

    Example:
        >>> fill_ends(int32s(3, 0), int32s(1, 1, 1, 3), ends := int64s(0, 0))
        >>> ends.tolist()
        [3, 4]
    """
    end = 0
    for k in range(len(ids)):
        end += lengths[ids[k]]
        ends[k] = end
