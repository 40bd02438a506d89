"""`share_limits`: the largest share of each category that the merge list allows.

A category whose share is s makes each of its frequent pairs at least s times as frequent in the
mixture as in the category, so training would have merged them early. Where they stand unmerged
after the first thousands of merges, the share is smaller. The limit is the share at which a quarter
of the pairs that stand in the category's sample would be in excess of (twice) the level of the
pairs that were merged. It asks each category alone and uses no fit but that level, so that it also
speaks where an estimator has put mass on a category only to explain a few odd merges (a script's
punctuation, say). It cannot tell which category the share belongs to. The constants are rules of
thumb.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokkit.mixture.estimation.evidence import Evidence

NOTABLE = 0.005
"""Smaller shares are not worth a warning."""
_EARLY = 3_000
"""Snapshots after so many merges are looked at.

What still stands later is rare, and tells of what a sample is about.
"""
_TOLERANCE = 2.0
"""A pair is in excess beyond so many times the share of the pairs that were merged."""
_EXCESS = 0.25
"""So large a part of a category's pairs may be in excess."""
_WINDOW = 100

Floats = NDArray[np.float64]


def share_limits(evidence: Evidence, weights: Floats) -> Floats:
    """The largest share of each category that the merges allow.

    Args:
        evidence: the counts.
        weights: float64 (c,), inferred shares of bytes, which set the level of the merged pairs.

    Returns:
        float64 (c,), shares of bytes, at most 1: the smallest limit of the early snapshots; 1 if
        there are none, as after thousands of inherited merges.
    """
    per_byte = evidence.totals / evidence.n_bytes
    mixed_per_byte = float(weights @ per_byte)
    merged = (evidence.merged / evidence.totals) @ (weights * per_byte / mixed_per_byte)
    limits = np.full(evidence.n_categories, np.inf)
    for step, standing in zip(evidence.steps, evidence.standing, strict=True):
        at = step - evidence.first
        if step > _EARLY:
            break
        around = merged[max(0, at - _WINDOW) : at + _WINDOW]
        if not (around > 0).any():
            continue
        allowed = _TOLERANCE * float(np.median(around[around > 0]))
        for category, counts in enumerate(standing.counts.T):
            threshold = _threshold(counts[counts > 0] / evidence.totals[category])
            if threshold > 0:
                limits[category] = min(limits[category], allowed / threshold)
    return np.minimum(1, limits * mixed_per_byte / per_byte)


def _threshold(shares: Floats) -> float:
    """What a part `_EXCESS` of the sum of the shares lies above; 0 if there are none.

    >>> _threshold(np.array([0.5, 0.1]))  # 0.35 + 0.15: a quarter of 0.6 lies above 0.35
    0.35
    """
    if not len(shares):
        return 0.0
    largest = -np.sort(-shares)
    above = np.cumsum(largest)
    n = np.arange(1, len(largest) + 1)
    wanted = _EXCESS * above[-1]
    # With the n largest above the threshold x, sum - n x is wanted, and x is at least the next one.
    following = np.append(largest[1:], 0.0)
    k = int(np.argmax(above - n * following >= wanted))
    return float((above[k] - wanted) / n[k])
