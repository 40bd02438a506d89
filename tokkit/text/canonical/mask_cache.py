"""`MaskCache`: masks over a vocabulary that were asked for last, a bit for each id."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

KEPT = 1024
"""Masks; of a vocabulary of 262,144 ids they take 32 MB."""


class MaskCache:
    """The least recently used is dropped first. Threads may share it."""

    def __init__(self, size: int, *, kept: int = KEPT) -> None:
        """Start empty.

        Args:
            size: entries of each mask.
            kept: at most so many masks.
        """
        self._size = size
        self._kept = kept
        self._lock = threading.Lock()
        self._packed: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    def get(self, key: int) -> NDArray[np.bool_] | None:
        """A mask, bool (size,), the caller's own; None if it is not there."""
        packed = self.get_packed(key)
        if packed is None:
            return None
        return np.unpackbits(packed, count=self._size).view(np.bool_)

    def get_packed(self, key: int) -> NDArray[np.uint8] | None:
        """A mask as `numpy.packbits` makes it, not to be changed; None if it is not there."""
        with self._lock:
            packed = self._packed.get(key)
            if packed is not None:
                self._packed.move_to_end(key)
        return packed

    def put(self, key: int, mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Keep a copy of `mask`, bool (size,); returns it packed."""
        packed = np.packbits(mask)
        with self._lock:
            self._packed[key] = packed
            if len(self._packed) > self._kept:
                self._packed.popitem(last=False)
        return packed
