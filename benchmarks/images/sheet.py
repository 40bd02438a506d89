"""Rows of pictures as one file, as the documentation shows them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokkit.report.media import png

GAP = 4


def sheet(rows: NDArray[np.uint8], *, scale: int) -> bytes:
    """A PNG file.

    Args:
        rows: uint8 (rows, pictures, height, width, channels).
        scale: pixels of the file for each of a picture, in both directions.
    """
    squares = np.pad(rows, ((0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0)))
    n_rows, n, height, width, channels = squares.shape
    whole = squares.transpose(0, 2, 1, 3, 4).reshape(n_rows * height, n * width, channels)
    return png(whole.repeat(scale, 0).repeat(scale, 1))
