"""Short sequences one after another, those of a length together: no padding, and no masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch

Groups: TypeAlias = Sequence[tuple[int, int]]
"""How many sequences there are of which length, in the order in which they stand."""


def sizes_of(groups: Groups) -> list[int]:
    """Places of each group."""
    return [count * length for count, length in groups]


def places_within(groups: Groups, device: torch.device) -> torch.Tensor:
    """int64 (places,), which place of its sequence each is.

    >>> places_within([(2, 1), (1, 3)], torch.device("cpu")).tolist()
    [0, 0, 0, 1, 2]
    """
    places = [np.tile(np.arange(length), count) for count, length in groups]
    return torch.from_numpy(np.concatenate(places)).to(device)


def in_groups(x: torch.Tensor, groups: Groups) -> list[torch.Tensor]:
    """(places, ...) as (count, length, ...) of each group."""
    # split, as slices would each write a whole gradient
    return [
        part.view(count, length, *x.shape[1:])
        for part, (count, length) in zip(x.split(sizes_of(groups)), groups, strict=True)
    ]
