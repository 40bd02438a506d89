"""The logits of a vocabulary of which some rows are sums of others: every row written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def all_rows(
    rows: Array,
    parts: Sequence[Sequence[int]],
    weights: Sequence[Sequence[float]] | None = None,
    residual: Array | None = None,
) -> NDArray[np.float64]:
    """Base rows, then the mean (or weighted sum) of base rows for each of `parts`; float64."""
    written = [np.asarray(row, np.float64) for row in rows]
    for number, ids in enumerate(parts):
        shares = [1 / len(ids)] * len(ids) if weights is None else weights[number]
        row = np.zeros(rows.shape[1])
        for token, share in zip(ids, shares, strict=True):
            row += share * np.asarray(rows[token], np.float64)
        if residual is not None:
            row += residual[number]
        written.append(row)
    return np.array(written)
