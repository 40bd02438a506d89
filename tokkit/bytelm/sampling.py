"""Draw bytes from distributions, and notice stop strings in what was drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, ModelError


class Sampler:
    """Draws symbols; the same seed gives the same draws."""

    def __init__(
        self, *, temperature: float = 1.0, top_p: float = 1.0, seed: int | None = None
    ) -> None:
        """Check the options.

        Args:
            temperature: at least 0; 0 takes the most probable symbol (the lowest on ties).
            top_p: in (0, 1].
            seed: None draws from the operating system.

        Raises:
            ArgumentError: an option out of range.
        """
        if not (temperature >= 0 and np.isfinite(temperature)):
            raise ArgumentError(f"temperature must be 0 or more and finite, got {temperature}")
        if not 0 < top_p <= 1:
            raise ArgumentError(f"top_p must be above 0 and at most 1, got {top_p}")
        if seed is not None and seed < 0:
            raise ArgumentError(f"seed must be 0 or more, got {seed}")
        self._temperature = temperature
        self._top_p = top_p
        self._generator = np.random.default_rng(seed)

    def draw(self, logprobs: NDArray[np.float64]) -> int:
        """A symbol.

        Args:
            logprobs: float64 (n,), nats, normalised or not.

        Raises:
            ModelError: no symbol has any mass, or an entry is NaN.
        """
        top = logprobs.max(initial=-np.inf)
        if not np.isfinite(top):
            raise ModelError(
                f"cannot sample: the largest log-probability is {top}; the model gives the text "
                "so far no continuation"
            )
        if self._temperature == 0:
            return int(logprobs.argmax())
        weights = np.exp((logprobs - top) / self._temperature)
        weights /= weights.sum()
        if self._top_p < 1:
            order = np.argsort(-weights, kind="stable")
            before = np.cumsum(weights[order]) - weights[order]
            weights[order[before >= self._top_p]] = 0.0
            weights /= weights.sum()
        return int(self._generator.choice(len(weights), p=weights))


class StopMatcher:
    """Passes bytes on, but for those that a stop string may begin with; drops a stop string."""

    def __init__(self, stops: Sequence[bytes]) -> None:
        """Watch for some strings.

        Args:
            stops: may be empty.

        Raises:
            ArgumentError: a stop string is empty.
        """
        if any(not stop for stop in stops):
            raise ArgumentError("a stop string is empty; every text would stop at once")
        self._stops = tuple(stops)
        self._held = b""
        self.stopped = False

    def feed(self, symbol: int) -> Iterator[bytes]:
        """Take one byte; yield those that are certain to be text."""
        self._held += bytes([symbol])
        for stop in self._stops:
            if self._held.endswith(stop):
                self._held = self._held[: -len(stop)]
                self.stopped = True
                yield from self.flush()
                return
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        sure = len(self._held) - keep
        yield from (self._held[k : k + 1] for k in range(sure))
        self._held = self._held[sure:]

    def flush(self) -> Iterator[bytes]:
        """Yield what was held back."""
        yield from (self._held[k : k + 1] for k in range(len(self._held)))
        self._held = b""


def _overlap(text: bytes, stop: bytes) -> int:
    """Length of the longest end of `text` that is a proper beginning of `stop`."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-size:]):
            return size
    return 0
