"""Words side by side without padding: those of equal length stand together.

Nine words in ten have a dozen bytes or fewer, so there are few lengths, and what is computed within
words is computed for all words of a length at once, on arrays that need no mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.models.blocks.groups import Groups


@dataclass(frozen=True, eq=False)
class Packing:
    """The order of some words.

    Attributes:
        order: int64 (words,), their numbers, the shortest first.
        lengths: int64 (words,), in that order.
        groups: counts and lengths, in that order.
    """

    order: NDArray[np.int64]
    lengths: NDArray[np.int64]
    groups: Groups

    @classmethod
    def of(cls, lengths: NDArray[np.int64]) -> Packing:
        """Pack words of some lengths, each 0 or more.

        >>> packing = Packing.of(np.array([3, 1, 3, 0]))
        >>> packing.order.tolist(), packing.groups
        ([3, 1, 0, 2], [(1, 0), (1, 1), (2, 3)])
        """
        order = np.argsort(lengths, kind="stable")
        found, counts = np.unique(lengths, return_counts=True)
        groups = list(zip(counts.tolist(), found.tolist(), strict=True))
        return cls(order, lengths[order], groups)

    def inverse(self) -> NDArray[np.int64]:
        """int64 (words,): where each word stands."""
        places = np.empty_like(self.order)
        places[self.order] = np.arange(len(self.order))
        return places

    def steps(self, *, more: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each place of each word: the number of the word, and which of its places it is.

        Args:
            more: places of a word beside its bytes.

        Returns:
            int64 (places,) each, in order.
        """
        lengths = self.lengths + more
        begins = np.cumsum(lengths) - lengths
        step = np.arange(int(lengths.sum())) - np.repeat(begins, lengths)
        return np.repeat(self.order, lengths), step
