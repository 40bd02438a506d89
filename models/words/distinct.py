"""Equal words of a batch, so that what depends on a word alone is computed once for all of them.

In running text half of the words of a batch are repeats. What is computed for the distinct ones
and then taken for each is the same function, with the same gradients: a row that is taken several
times sums what comes back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.merge_lists.distinct_words import number_words


@dataclass(frozen=True)
class DistinctWords:
    """Which words are equal.

    Attributes:
        first: int64 (distinct,), the number of the first word of each.
        number: int64 (words,), for each word which of them it is.
    """

    first: NDArray[np.int64]
    number: NDArray[np.int64]


def distinct_words(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> DistinctWords:
    """Find the distinct words of a text.

    Args:
        data: uint8 (n,), the words one after another.
        ends: int64 (words,), the offset behind each.

    >>> found = distinct_words(np.frombuffer(b"abaab", np.uint8), np.array([2, 3, 5]))
    >>> found.first.tolist(), found.number.tolist()
    ([0, 1], [0, 1, 0])
    """
    number, first = number_words(data, np.concatenate([[0], ends]))
    return DistinctWords(first, number.astype(np.int64))
