"""Averages of rows of log-probabilities: arithmetic, geometric, and what is plausible at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FLOOR = -25.0
"""Nats: what a byte counts as at least where no single row may veto it."""

Row = NDArray[np.float64]
Rows = NDArray[np.float64]


def average(rows: Rows, log_weights: NDArray[np.float64]) -> Row:
    """The arithmetic mean of probabilities.

    Args:
        rows: float64 (n, m), nats; n at least 1.
        log_weights: float64 (n,), of weights that sum to 1.

    Returns:
        float64 (m,), nats.
    """
    weighted = log_weights[:, None] + rows
    top = weighted.max(axis=0)
    top[top == -np.inf] = 0.0
    with np.errstate(divide="ignore"):
        return top + np.log(np.exp(weighted - top).sum(axis=0))


def normalised(scores: Row) -> Row:
    """Scores as log-probabilities; as they are if all are minus infinity."""
    top = float(scores.max())
    if top == -np.inf:
        return scores
    return scores - (top + np.log(np.exp(scores - top).sum()))


def pool(
    rows: Rows, exponents: NDArray[np.float64], *, floored: bool = False, cut: float = 0.0
) -> Row:
    """The normalised product of powers of probabilities.

    A byte that all rows rule out has no mass; nor has one that a row of positive exponent rules
    out, unless rows are floored. A row of negative exponent rules nothing out, and is floored.

    Args:
        rows: float64 (n, m), nats.
        exponents: float64 (n,), finite, of any sign.
        floored: whether every row counts as at least `FLOOR`.
        cut: in [0, 1): only bytes are kept whose probability under the pool of the positive
            exponents alone is at least this share of the largest one (Li et al., "Contrastive
            Decoding", ACL 2023, section 3.3, where there is one expert).

    Returns:
        float64 (m,), nats; all minus infinity where no byte has mass, or no exponent is positive.
    """
    used = exponents != 0
    rows, exponents = rows[used], exponents[used]
    positive = exponents > 0
    scores = np.full(rows.shape[1], -np.inf)
    if not positive.any():
        return scores
    lifted = np.where(floored | ~positive[:, None], np.maximum(rows, FLOOR), rows)
    possible = (rows.max(axis=0) > -np.inf) & (lifted.min(axis=0) > -np.inf)
    scores[possible] = exponents @ lifted[:, possible]
    if cut > 0 and possible.any():
        experts = exponents[positive] / exponents[positive].sum()
        pooled = np.full(rows.shape[1], -np.inf)
        pooled[possible] = experts @ lifted[positive][:, possible]
        scores[pooled < pooled.max() + np.log(cut)] = -np.inf
    return normalised(scores)
