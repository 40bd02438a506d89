"""`EndOfWordBody`: the network, with all that a text model asks of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.models.end_of_word.network import EndOfWordNetwork
from tokkit.models.end_of_word.reading import WordCache, begin_reading, read_on


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
