"""How much of a codebook is used.

Perplexity of the codes is exp of the entropy of their frequencies (van den Oord et al., "Neural
Discrete Representation Learning", 2017, use it to see collapse): equal to the number of codes when
all are used alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def perplexity(counts: Sequence[int] | NDArray[np.integer[Any]]) -> float:
    """Exp of the entropy, in nats, of the frequencies that `counts` (codes,) gives; 0 of none."""
    shares = np.asarray(counts, dtype=np.float64)
    if not shares.any():
        return 0.0
    shares = shares[shares > 0] / shares.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def code_counts(
    ids: NDArray[np.integer[Any]], vocab_sizes: Sequence[int]
) -> list[NDArray[np.int64]]:
    """How often each code of each stream occurs; absent ones, below 0, are not counted.

    Args:
        ids: (n,), or (n, streams).
        vocab_sizes: number of codes of each stream.

    Returns:
        int64 (codes,) for each stream.
    """
    columns = np.reshape(ids, (len(ids), len(vocab_sizes)))
    return [
        np.bincount(column[column >= 0], minlength=size)
        for column, size in zip(columns.T, vocab_sizes, strict=True)
    ]
