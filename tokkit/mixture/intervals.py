"""Intervals of the shares that an estimate gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from tokkit.errors import ArgumentError
from tokkit.mixture.estimator import Estimate
from tokkit.mixture.evidence import Evidence


def intervals(evidence: Evidence, estimate: Estimate, *, level: float = 0.9) -> NDArray[np.float64]:
    """Intervals of the shares, from the curvature of the fit.

    Args:
        evidence: what the estimate was made from.
        estimate: the estimate.
        level: nominal coverage of each interval.

    Returns:
        float64 (c, 2), lower and upper end, shares of bytes.

    Raises:
        ArgumentError: a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ArgumentError(f"level must lie between 0 and 1; got {level}")
    weights = estimate.weights
    centre = np.eye(evidence.n_categories) - weights
    variance = np.einsum("ij,jk,ik->i", centre, estimate.covariance, centre)
    spread = float(norm.ppf(0.5 + level / 2)) * np.sqrt(np.maximum(variance, 0))
    return np.stack([weights * np.exp(-spread), np.minimum(1, weights * np.exp(spread))], axis=1)
