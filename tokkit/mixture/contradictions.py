"""`contradictions`: shares that the merge list rules out, whatever an estimator says.

A category whose share is s makes each of its frequent pairs at least s times as frequent in the
mixture as in the category, so training would have merged them early. Where they stand unmerged
after the first thousands of merges, the share is too large. The check asks each category alone and
uses no fit but the level that merges have at a step, so that it also speaks where an estimator has
put mass on a category only to explain a few odd merges (a script's punctuation, say). It cannot
tell which category the share belongs to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokkit.mixture.evidence import Evidence

EARLY = 3_000
"""Snapshots after so many merges are looked at; later ones tell of what a sample is about."""
TOLERANCE = 2.0
"""A pair contradicts beyond so many times the share of the pairs that were merged."""
CONTRADICTED = 0.25
"""From so large a part of a category's pairs on, its share is said to be ruled out."""
NOTABLE = 0.005
"""Smaller shares are not worth a warning."""
_WINDOW = 100


def contradictions(evidence: Evidence, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of each category stands unmerged though its share would have had it merged.

    Args:
        evidence: the counts.
        weights: float64 (c,), shares of bytes.

    Returns:
        float64 (c,), parts (0 to 1) of the pairs that stand in the category's sample at the worst
        early snapshot: what of them exceeds `TOLERANCE` times the level of the merged pairs.
        Natural languages and programming languages that were in the training data stay below 0.1
        or so; what was not there has 0.3 to 0.9, however small its share.
    """
    pair_weights = weights * evidence.totals / evidence.n_bytes
    pair_weights = pair_weights / pair_weights.sum()
    merged = (evidence.merged / evidence.totals) @ pair_weights
    worst = np.zeros(evidence.n_categories)
    for k, (step, standing) in enumerate(zip(evidence.steps, evidence.standing, strict=True)):
        at = step - evidence.first
        if k and at > EARLY:
            break
        around = merged[max(0, at - _WINDOW) : at + _WINDOW]
        level = float(np.median(around[around > 0])) if (around > 0).any() else 0.0
        if not level:
            continue
        shares = standing.counts / evidence.totals
        total = shares.sum(axis=0)
        allowed = TOLERANCE * level / np.maximum(pair_weights, np.finfo(np.float64).tiny)
        excess = np.maximum(0, shares - allowed).sum(axis=0)
        worst = np.maximum(
            worst, np.divide(excess, total, where=total > 0, out=np.zeros_like(total))
        )
    return worst
