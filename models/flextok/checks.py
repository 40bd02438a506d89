"""What pictures must be, before anything is computed with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_array
from tokkit.errors import ArgumentError


def as_picture(x: Any, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """One picture, uint8 (height, width, channels).

    Raises:
        ArgumentError: another shape or type.
    """
    return as_pictures(as_array(x, "a picture")[None], shape, one=True)[0]


def as_pictures(
    x: Any, shape: tuple[int, int, int] | None, *, one: bool = False
) -> NDArray[np.uint8]:
    """Pictures of one size, uint8 (n, height, width, channels).

    Args:
        x: pictures.
        shape: of each; None: any, of 1 or 3 channels.
        one: whether a caller gave one of them, for messages.

    Raises:
        ArgumentError: another shape or type, or none.
    """
    array = as_array(x, "pictures of one size")
    wanted = "height, width, channels" if shape is None else ", ".join(map(str, shape))
    wanted = f"({wanted})" if one else f"(n, {wanted})"
    given = array.shape[1:] if one else array.shape
    what = "a picture must be" if one else "pictures must be"
    if array.dtype != np.uint8:
        raise ArgumentError(
            f"{what} uint8 {wanted}, from 0 to 255, got {array.dtype} {given}; scale and round "
            "other numbers, and convert other depths of colour"
        )
    if array.ndim != 4 or 0 in array.shape or array.shape[3] not in (1, 3):
        raise ArgumentError(f"{what} uint8 {wanted}, of 1 or 3 channels, got the shape {given}")
    if shape is not None and array.shape[1:] != shape:
        raise ArgumentError(f"{what} uint8 {wanted}, got the shape {given}")
    return array
