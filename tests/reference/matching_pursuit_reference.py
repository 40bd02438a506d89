"""Orthogonal matching pursuit of one vector, each fit by least squares over all chosen atoms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pursue(target: Floats, atoms: Floats, k: int) -> dict[int, float]:
    """Atom -> coefficient, of at most `k` atoms; fewer where nothing is left to fit."""
    chosen: list[int] = []
    found: Floats = np.zeros(0)
    left = target
    while len(chosen) < k and np.linalg.norm(left) > 1e-12 * np.linalg.norm(target):
        likeness = {
            place: abs(float(atom @ left)) / float(np.linalg.norm(atom))
            for place, atom in enumerate(atoms)
            if place not in chosen and np.linalg.norm(atom) > 0
        }
        if not likeness:
            break
        best = max(likeness, key=likeness.__getitem__)
        if np.linalg.matrix_rank(atoms[[*chosen, best]]) == len(chosen):
            break
        chosen.append(best)
        found = np.asarray(np.linalg.lstsq(atoms[chosen].T, target)[0], np.float64)
        left = target - found @ atoms[chosen]
    return dict(zip(chosen, found.tolist(), strict=True))
