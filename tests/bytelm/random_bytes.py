"""A byte-level model without tokens: next-byte distributions drawn from a hash of the prefix."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.byte_state import ByteState

Logits = Callable[[bytes], NDArray[np.float64]]


class RandomBytes(ByteModel):
    """Every symbol has mass everywhere, unless `logits` says otherwise."""

    def __init__(self, seed: int = 0, *, logits: Logits | None = None) -> None:
        self.name = "random bytes"
        self._seed = seed
        self._logits = logits or self._random

    def _random(self, prefix: bytes) -> NDArray[np.float64]:
        return 2 * np.random.default_rng([self._seed, *prefix]).normal(size=257)

    def row(self, prefix: bytes) -> NDArray[np.float64]:
        """float64 (257,), nats."""
        logits = self._logits(prefix)
        total = np.logaddexp.reduce(logits)
        return logits - total if total > -np.inf else logits

    def open(self, prefix: str | bytes = b"") -> RandomBytesState:
        state = RandomBytesState(self)
        state.push(prefix)
        return state


class RandomBytesState(ByteState):
    def __init__(self, model: RandomBytes) -> None:
        self._model = model
        self.prefix = b""

    def logprobs(self) -> NDArray[np.float64]:
        return self._model.row(self.prefix)

    def push(self, data: str | bytes) -> None:
        self.prefix += as_bytes(data)

    def fork(self) -> Self:
        return copy(self)

    def score(self, data: str | bytes) -> NDArray[np.float64]:
        before, data = self.prefix, as_bytes(data)
        self.prefix += data
        return np.stack([self._model.row(before + data[:k]) for k in range(len(data) + 1)])

    @property
    def prefix_logprob(self) -> float:
        rows = [self._model.row(self.prefix[:k]) for k in range(len(self.prefix))]
        return float(sum(row[byte] for row, byte in zip(rows, self.prefix, strict=True)))
