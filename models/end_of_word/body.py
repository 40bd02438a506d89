"""`EndOfWordBody`: the network, with all that a text model asks of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import Bounds
from tokkit.models.end_of_word.network import EndOfWordNetwork
from tokkit.models.end_of_word.reading import WordCache, begin_reading, glance, read_on


class EndOfWordBody(EndOfWordNetwork):
    """Trains on whole texts (`nats`), and goes on after caches."""

    def begin(self) -> tuple[WordCache, NDArray[np.float64]]:
        """See `CachedTextModel.begin`."""
        return begin_reading(self)

    def extend(
        self, caches: Sequence[WordCache], data: Sequence[bytes]
    ) -> tuple[list[WordCache], list[NDArray[np.float64]]]:
        """See `CachedTextModel.extend`."""
        return read_on(self, caches, data)

    def read_through(
        self, caches: Sequence[WordCache], data: Sequence[bytes]
    ) -> tuple[list[WordCache], list[NDArray[np.float64]]]:
        """See `CachedTextModel.read_through`."""
        return read_on(self, caches, data, whole_rows=False)

    def glance(self, cache: WordCache, data: bytes) -> Bounds | None:
        """See `CachedTextModel.glance`."""
        return glance(self, cache, data)
