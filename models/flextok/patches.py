"""Pictures as squares, and back."""

from __future__ import annotations

import torch


def cut(x: torch.Tensor, side: int) -> torch.Tensor:
    """Squares of pictures, row by row.

    Args:
        x: float (n, height, width, channels).
        side: of a square; divides height and width.

    Returns:
        float (n, squares, side * side * channels).
    """
    x = x.unflatten(2, (-1, side)).unflatten(1, (-1, side))  # (n, rows, side, columns, side, c)
    return x.transpose(2, 3).flatten(3).flatten(1, 2)


def join(squares: torch.Tensor, side: int, shape: tuple[int, int, int]) -> torch.Tensor:
    """Pictures, float (n, height, width, channels), of what `cut` made.

    >>> x = torch.arange(24.0).reshape(1, 4, 6, 1)
    >>> cut(x, 2).shape, torch.equal(join(cut(x, 2), 2, (4, 6, 1)), x)
    (torch.Size([1, 6, 4]), True)
    """
    height, width, channels = shape
    x = squares.unflatten(2, (side, side, channels)).unflatten(1, (height // side, width // side))
    return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)
