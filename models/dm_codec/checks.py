"""What a signal must be, before anything is computed with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_array
from tokkit.errors import ArgumentError

_LOUDEST = 2.0
"""Resampling goes a little beyond 1; samples of 16 bits that nobody scaled, far."""


def as_signal(x: Any) -> NDArray[np.float32]:
    """A mono signal, float32 (samples,), with 1 as full scale.

    Raises:
        ArgumentError: another type or shape, no sample, numbers that are not finite, or a signal
            that is far too loud.
    """
    array = as_array(x, "a signal")
    if array.dtype.kind != "f":
        raise ArgumentError(
            f"a signal must be of a float type with 1 as full scale, got {array.dtype}; divide "
            "samples of 16 bits by 32768"
        )
    if array.ndim != 1:
        raise ArgumentError(
            f"a signal must be of the shape (samples,), got {array.shape}; of several channels "
            "pass the mean"
        )
    if not len(array):
        raise ArgumentError("a signal without a sample has no codes; expected at least one")
    with np.errstate(over="ignore"):
        signal = array.astype(np.float32)
    if not np.isfinite(signal).all():
        raise ArgumentError("the signal holds a number that is not finite")
    if (most := float(np.abs(signal).max())) > _LOUDEST:
        raise ArgumentError(
            f"the signal reaches {most:g}, and full scale is 1; divide samples of 16 bits by 32768"
        )
    return signal
