"""`CachedState`: a byte prefix under a model that keeps a cache of what it has read.

Bytes that are pushed wait until something is asked; they are then read in one pass, together with
those of other states of the model (`evaluate_with`). Caches are values, so a fork costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from copy import copy
from time import thread_time
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes
from tokkit.bytelm.byte_state import Bounds, ByteState
from tokkit.bytelm.side_by_side import CALLER, Parts
from tokkit.errors import ModelError
from tokkit.models.text_models.glimpses import Glimpses

MOST_AT_ONCE, _LEAST_AT_ONCE = 1 << 12, 64
"""Bytes of one state that are read in one pass: a row of each is held until they are read."""
_MOST_PAIRS = 1 << 25
"""Of a byte that is read in a pass and one before it, so that attention's masks stay small."""


class Reader(Protocol):
    """What a state needs of its model; see `tokkit.models.text_models.text_model`."""

    name: str
    glimpses: Glimpses

    @property
    def glances(self) -> bool:
        """Whether `glance` may know something."""
        ...

    def glance(self, cache: Any, data: bytes) -> Bounds | None:
        """What is known of the symbol behind more bytes without reading them."""
        ...

    @property
    def law(self) -> object:
        """What all its states have in common."""
        ...

    def evaluating(self) -> AbstractContextManager[None]:
        """Within it there are no gradients."""
        ...

    def begin(self) -> tuple[Any, NDArray[np.float64]]:
        """The cache of the empty text, and the row of its first symbol."""
        ...

    def extend(
        self, caches: Sequence[Any], data: Sequence[bytes]
    ) -> tuple[list[Any], list[NDArray[np.float64]]]:
        """The caches after more bytes, and the rows after each of them."""
        ...

    def read_through(
        self, caches: Sequence[Any], data: Sequence[bytes]
    ) -> tuple[list[Any], list[NDArray[np.float64]]]:
        """The same, where of rows but the last only what follows them is asked."""
        ...


class CachedState(ByteState):
    """The state of a `CachedTextModel`; made by its `open`.

    Attributes:
        model: whose state it is.
    """

    def __init__(self, model: Reader) -> None:
        """Start from the empty text."""
        self.model = model
        self._cache: Any = None
        self._row: NDArray[np.float64] | None = None
        self._total = 0.0
        # Forks share the buffer: the first that goes on writes behind what all of them have, and
        # the others copy it then. So a byte costs the same however long the text is.
        self._text, self._length, self._n_read = bytearray(), 0, 0
        self._glanced_at = -1  # the length of the text at the last glance
        self._glance: Bounds | None = None

    def push(self, data: str | bytes) -> None:
        """Add bytes; the model runs when something is asked of the state."""
        data = as_bytes(data)
        if len(self._text) != self._length:
            self._text = self._text[: self._length]
        self._text += data
        self._length += len(data)

    def logprobs(self) -> NDArray[np.float64]:
        """See `ByteState.logprobs`.

        Raises:
            ModelError: the model returned NaN.
        """
        return self._evaluated().copy()

    @property
    def prefix_logprob(self) -> float:
        """Log-probability, nats, that a text starts with the prefix."""
        self._evaluated()
        return self._total

    def fork(self) -> Self:
        """An independent copy; what was computed is shared, and what is pending is read first."""
        self._evaluated()
        return copy(self)

    def score(self, data: str | bytes) -> NDArray[np.float64]:
        """See `ByteState.score`."""
        before = self._evaluated()
        self.push(data)
        return np.vstack([before, *read_together([self], keep_rows=True)])

    @property
    def prefix_bytes(self) -> bytes:
        """See `ByteState.prefix_bytes`."""
        return bytes(self._text[: self._length])

    @property
    def law(self) -> object:
        """See `ByteState.law`."""
        return self.model.law

    @property
    def is_evaluated(self) -> bool:
        """See `ByteState.is_evaluated`."""
        return self._row is not None and self._n_read == self._length

    def bounds(self) -> Bounds | None:
        """See `ByteState.bounds`; not where a glance at it has not paid lately."""
        if not self.model.glances or not self.has_begun or self.is_evaluated:
            return None
        if self._glanced_at == self._length:
            return self._glance
        began = self.model.glimpses.begin()
        if began is None:
            return None
        with self.model.evaluating():
            self._glance = self.model.glance(self._cache, self._unread(self._length))
        held = self._glanced_at == self._length - 1 and self._n_read < self._glanced_at
        self.model.glimpses.end(began, held=held)
        self._glanced_at = self._length
        return self._glance

    @property
    def cache(self) -> object:
        """See `ByteState.cache`: all states of a model are read together."""
        return self.model

    def evaluate_with(self, others: Sequence[Self]) -> None:
        """See `ByteState.evaluate_with`."""
        read_together([self, *others])

    @property
    def parts(self) -> Parts:
        """See `ByteState.parts`."""
        return self.model, CALLER

    def _evaluated(self) -> NDArray[np.float64]:
        if not self.is_evaluated:
            read_together([self])
        assert self._row is not None
        return self._row

    def begin(self, cache: Any, row: NDArray[np.float64]) -> None:
        """Take the cache and the row of the empty text."""
        self._cache, self._row = cache, row

    @property
    def has_begun(self) -> bool:
        """Whether the cache of the empty text is there."""
        return self._row is not None

    def next_piece(self) -> tuple[Any, bytes]:
        """The cache, and the pending bytes that are read next."""
        most = max(_LEAST_AT_ONCE, min(MOST_AT_ONCE, _MOST_PAIRS // (self._n_read + 1)))
        return self._cache, self._unread(most)

    def take(self, cache: Any, rows: NDArray[np.float64]) -> None:
        """Go past the piece that was read.

        Args:
            cache: after it.
            rows: float64 (n, 257), nats: the symbol after each of its bytes.
        """
        assert self._row is not None
        piece = np.frombuffer(self._unread(len(rows)), dtype=np.uint8)
        before = np.vstack([self._row, rows[:-1]])
        self._total += float(before[np.arange(len(piece)), piece].sum())
        self._cache, self._row = cache, rows[-1]
        self._n_read += len(rows)

    def _unread(self, most: int) -> bytes:
        stop = min(self._length, self._n_read + most)
        return bytes(self._text[self._n_read : stop])


def read_together(
    states: Sequence[CachedState], *, keep_rows: bool = False
) -> list[NDArray[np.float64]]:
    """Read what is pending of some states of one model, in as few passes as memory allows.

    Args:
        states: of one model; a state may stand there twice.
        keep_rows: whether the rows are wanted.

    Returns:
        With `keep_rows` those of the passes, of all states; else nothing.

    Raises:
        ModelError: the model returned NaN.
    """
    model = states[0].model
    distinct = list({id(state): state for state in states}.values())
    fresh = [state for state in distinct if not state.has_begun]
    kept: list[NDArray[np.float64]] = []
    with model.evaluating():
        if fresh:
            cache, row = model.begin()
            _check(model, row)
            for state in fresh:
                state.begin(cache, row)
        while some := [state for state in distinct if not state.is_evaluated]:
            pieces = [state.next_piece() for state in some]
            began = thread_time()
            read = model.extend if keep_rows else model.read_through
            caches, rows = read([cache for cache, _ in pieces], [data for _, data in pieces])
            longest = max(len(data) for _, data in pieces)
            model.glimpses.read(longest, (thread_time() - began) / len(some))
            for state, cache, found in zip(some, caches, rows, strict=True):
                _check(model, found)
                state.take(cache, found)
            kept += rows if keep_rows else []
    return kept


def _check(model: Reader, rows: NDArray[np.float64]) -> None:
    if np.isnan(rows).any():
        raise ModelError(refusal_of_nan(model.name))


def refusal_of_nan(name: str) -> str:
    """What is said of a model that gives no numbers."""
    return (
        f"{name} returned NaN log-probabilities; check its weights, or load it with dtype='float32'"
    )
