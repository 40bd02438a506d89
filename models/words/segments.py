"""Runs of places of any length, and how they are gathered: in groups of similar length.

Each group becomes a padded array of indices. On a CPU that takes half the time of scattered sums
(`index_add`), which write every place once for each head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True)
class Group:
    """Segments of similar length.

    Attributes:
        places: int64 (segments, longest), those of each; its first one where it has no more.
        real: bool (segments, longest), where it has.
    """

    places: torch.Tensor
    real: torch.Tensor


@dataclass(frozen=True)
class Segments:
    """Runs of places in a grid, flat (`row * longest + place`).

    Attributes:
        starts: int64 (n,), on the device of what is indexed.
        lengths: int64 (n,), in memory; 0 for an empty one.
    """

    starts: torch.Tensor
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        """How many they are."""
        return len(self.lengths)

    def lasts(self) -> torch.Tensor:
        """int64 (n,), the last place of each; there must be no empty one."""
        return self.starts + torch.from_numpy(self.lengths - 1).to(self.starts.device)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """All segments that are not empty."""
        return tuple(map(self._group, self._members))

    def in_order(self, parts: Sequence[torch.Tensor], blank: torch.Tensor) -> torch.Tensor:
        """One row for each segment.

        Args:
            parts: of each group, (segments, ...).
            blank: (...), for empty segments.
        """
        return torch.cat([*parts, blank[None]])[self._rows]

    @cached_property
    def _members(self) -> list[NDArray[np.int64]]:
        """The numbers of the segments of each group."""
        full = np.flatnonzero(self.lengths)
        if len(full) < 2:
            return [full] if len(full) else []
        # Padded to a multiple of a power of two near a quarter of the length.
        steps = np.exp2(np.maximum(np.ceil(np.log2(self.lengths[full])) - 2, 2)).astype(np.int64)
        padded = -(-self.lengths[full] // steps) * steps
        order = np.argsort(padded, kind="stable")
        return np.split(full[order], np.flatnonzero(np.diff(padded[order])) + 1)

    @cached_property
    def _rows(self) -> torch.Tensor:
        """Where each segment is in the groups laid end to end; behind them if it is empty."""
        order = np.concatenate([np.empty(0, np.int64), *self._members])
        rows = np.full(len(self), len(order), np.int64)
        rows[order] = np.arange(len(order))
        return torch.from_numpy(rows).to(self.starts.device)

    def _group(self, members: NDArray[np.int64]) -> Group:
        device = self.starts.device
        lengths = torch.from_numpy(self.lengths[members]).to(device)[:, None]
        steps = torch.arange(int(self.lengths[members].max()), device=device)
        real = steps < lengths
        starts = self.starts[torch.from_numpy(members).to(device)][:, None]
        return Group(starts + torch.where(real, steps, 0), real)
