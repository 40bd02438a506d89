"""Intervals of the shares that an estimate gives.

The fit's own covariance (a sandwich over blocks of merges) knows of errors that are independent
from one block to the next. A sample differs from the training text in what it is about, which moves
many pairs of a category together and does not show in any residual; and a category without a share
gets a little of what resembles it. So standard errors are multiplied by a factor, and every share
may be off by a part of their root mean square, unless told otherwise. Both numbers were chosen so
that intervals of nominal 90% covered about 90% on mixes of known text
(`benchmarks/mixture/known.py`, seeds from 1000 on). Nothing here covers a sample from another
source than the training text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from tokkit.errors import ArgumentError
from tokkit.mixture.estimation.estimator import Estimate
from tokkit.mixture.estimation.evidence import Evidence

_MOST = 20.0
"""Logarithm of the largest factor between a share and its upper end."""

INFLATION = 1.5
"""What standard errors are multiplied by; from mixes of seeds that no evaluation uses."""

FLOOR = 0.75
"""Each share may be off by this part of the root mean square of all standard errors, whatever its
own: a category without a share gets some of what resembles it. From the same mixes."""


def intervals(
    evidence: Evidence,
    estimate: Estimate,
    *,
    level: float = 0.9,
    inflation: float = INFLATION,
    floor: float = FLOOR,
) -> NDArray[np.float64]:
    """Intervals of the shares, from the curvature of the fit.

    Args:
        evidence: what the estimate was made from.
        estimate: the estimate.
        level: nominal coverage of each interval.
        inflation: what the fit's standard errors are multiplied by; 1 is right where the sample
            and the training text differ by independent noise only.
        floor: as `FLOOR`; 0 is right in the same case.

    Returns:
        float64 (c, 2), lower and upper end, shares of bytes. The lower end is 0 where a share may
        well be none.

    Raises:
        ArgumentError: a level outside (0, 1), an inflation that is not above 0, a floor below 0.
    """
    if not 0 < level < 1 or not inflation > 0 or not floor >= 0:
        raise ArgumentError(
            "level must lie between 0 and 1, inflation above 0 and floor not below; got "
            f"{level}, {inflation} and {floor}"
        )
    weights = estimate.weights
    centre = np.eye(evidence.n_categories) - weights
    variance: NDArray[np.float64] = np.einsum("ij,jk,ik->i", centre, estimate.covariance, centre)
    error = np.sqrt(np.maximum(variance, 0))
    width = inflation * float(ndtri(0.5 + level / 2))
    beside = width * floor * float(np.sqrt(np.mean((weights * error) ** 2)))
    low = weights * (1 - width * error) - beside
    high = weights * np.exp(np.minimum(width * error, _MOST)) + beside
    return np.stack([np.maximum(0, low), np.minimum(1, high)], axis=1)
