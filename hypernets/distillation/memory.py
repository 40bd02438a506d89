"""What the teacher said of a snippet, kept for the next epoch as long as there is room."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ROOM = 1 << 29
"""Bytes."""


class Memory:
    """Tensors by the index of a snippet."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._kept: dict[int, torch.Tensor] = {}
        self._n_bytes = 0

    def __contains__(self, key: int) -> bool:
        return key in self._kept

    def keep(self, key: int, value: torch.Tensor) -> torch.Tensor:
        """Keep a value if there is room, and give it back."""
        if self._n_bytes + value.nbytes <= ROOM:
            self._kept[key] = value
            self._n_bytes += value.nbytes
        return value

    def recall(self, key: int, make: Callable[[], torch.Tensor]) -> torch.Tensor:
        """What was kept, or what is made now."""
        return self._kept[key] if key in self._kept else self.keep(key, make())
