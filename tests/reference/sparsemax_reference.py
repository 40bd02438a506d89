"""Sparsemax by trying every size of the support."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def nearest_distribution(scores: Floats) -> Floats:
    """The point of the simplex that is nearest to `scores`, by the faces of the simplex."""
    best, least = scores, np.inf
    places = range(len(scores))
    for size in range(1, len(scores) + 1):
        for support in map(list, itertools.combinations(places, size)):
            point = np.zeros(len(scores))
            point[support] = scores[support] - (scores[support].sum() - 1) / size
            distance = float(np.square(point - scores).sum())
            if point.min() >= 0 and distance < least:
                best, least = point, distance
    return best
