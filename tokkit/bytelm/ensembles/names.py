"""The combinations by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.ensembles.adaptive import Adaptive
from tokkit.bytelm.ensembles.combination import Combination
from tokkit.bytelm.ensembles.fixed import Mean, Mixture, Product
from tokkit.bytelm.ensembles.loglinear import LogLinear
from tokkit.bytelm.ensembles.switching import Switching
from tokkit.errors import ArgumentError

Combine = Literal["mixture", "mean", "product", "switching", "loglinear", "adaptive"]
COMBINATIONS: tuple[Combine, ...] = (
    "mixture",
    "mean",
    "product",
    "switching",
    "loglinear",
    "adaptive",
)
_BY_NAME: dict[object, Combination] = {
    kind.name: kind() for kind in (Mixture, Mean, Product, Switching, LogLinear, Adaptive)
}


def resolve_combination(combine: object) -> Combination:
    """A combination, given by its name or as it is.

    Raises:
        ArgumentError: there is none of that name.
    """
    if isinstance(combine, Combination):
        return combine
    if not isinstance(combine, str) or combine not in _BY_NAME:
        raise ArgumentError(
            f"combine must be one of {COMBINATIONS}, or one of their classes in "
            f"tokkit.bytelm.ensembles with options; got {combine!r:.60}"
        )
    return _BY_NAME[combine]


def check_weights(weights: Sequence[float] | None, n: int, combine: object) -> NDArray[np.float64]:
    """Weights of n members as a combination uses them: equal ones if none are given.

    Raises:
        ArgumentError: they do not fit the members or the combination; see
            `Combination.check_weights`.
    """
    combination = resolve_combination(combine)
    if weights is None:
        return np.full(n, 1 / n)
    try:
        array = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"weights must be numbers, one a member; got {weights!r:.60}") from None
    if array.shape != (n,):
        raise ArgumentError(f"got {array.size} weights for {n} members; give one for each")
    return combination.check_weights(array)
