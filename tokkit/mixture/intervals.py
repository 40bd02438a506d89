"""Intervals of the shares that an estimate gives.

The fit's own covariance (a sandwich over blocks of merges) knows of errors that are independent
from one block to the next. A sample differs from the training text in what it is about, which moves
many pairs of a category together and does not show in any residual. On mixes of held-out text the
logarithms of the shares were wrong by about twice (natural languages) or three times (programming
languages) what the covariance says; so standard errors are doubled unless told otherwise. Nothing
here covers a sample from another source than the training text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from tokkit.errors import ArgumentError
from tokkit.mixture.estimator import Estimate
from tokkit.mixture.evidence import Evidence

INFLATION = 2.0
"""What standard errors are multiplied by; from mixes of seeds that no evaluation uses."""


def intervals(
    evidence: Evidence,
    estimate: Estimate,
    *,
    level: float = 0.9,
    inflation: float = INFLATION,
) -> NDArray[np.float64]:
    """Intervals of the shares, from the curvature of the fit.

    Args:
        evidence: what the estimate was made from.
        estimate: the estimate.
        level: nominal coverage of each interval.
        inflation: what the fit's standard errors are multiplied by; 1 is right where the sample
            and the training text differ by independent noise only.

    Returns:
        float64 (c, 2), lower and upper end, shares of bytes.

    Raises:
        ArgumentError: a level outside (0, 1), or an inflation that is not above 0.
    """
    if not 0 < level < 1 or not inflation > 0:
        raise ArgumentError(
            f"level must lie between 0 and 1 and inflation above 0; got {level} and {inflation}"
        )
    weights = estimate.weights
    centre = np.eye(evidence.n_categories) - weights
    variance = np.einsum("ij,jk,ik->i", centre, estimate.covariance, centre)
    spread = inflation * float(ndtri(0.5 + level / 2)) * np.sqrt(np.maximum(variance, 0))
    return np.stack([weights * np.exp(-spread), np.minimum(1, weights * np.exp(spread))], axis=1)
