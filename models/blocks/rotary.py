"""Rotary positions: queries and keys are turned by angles that grow with their place.

"RoFormer: Enhanced Transformer with Rotary Position Embedding" (Su et al., 2021), section 3.2; the
two columns of a pair are half a head apart, as in GPT-NeoX. Angles are computed in float64, so that
places far into a text are as exact as the first ones.
"""

from __future__ import annotations

from typing import TypeAlias

import torch

Rotation: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""Cosines and sines, each (..., length, head_width / 2)."""


def rotation(places: torch.Tensor, head_width: int, base: float, dtype: torch.dtype) -> Rotation:
    """Cosines and sines of some places.

    Args:
        places: int64 (..., length).
        head_width: columns of a head, an even number.
        base: the angle of pair k falls with `base ** (-2 k / head_width)`.
        dtype: of the result.
    """
    pairs = torch.arange(0, head_width, 2, device=places.device, dtype=torch.float64)
    angles = places[..., None].double() * base ** (-pairs / head_width)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotated(states: torch.Tensor, by: Rotation) -> torch.Tensor:
    """Float (..., length, head_width), turned."""
    cosines, sines = by
    first, second = states.chunk(2, -1)
    turned = torch.addcmul(first * cosines, second, sines, value=-1)
    return torch.cat([turned, torch.addcmul(second * cosines, first, sines)], -1)
