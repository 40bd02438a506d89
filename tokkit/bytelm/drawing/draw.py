"""One continuation that is drawn symbol by symbol: `Draw`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, ByteState
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.sampling import Sampler
from tokkit.bytelm.drawing.speculation.speculator import Speculator
from tokkit.bytelm.drawing.stopping import StopMatcher
from tokkit.errors import ModelError


class Draw:
    """One continuation that is being sampled.

    Attributes:
        request: what is asked of it.
    """

    def __init__(self, name: str, request: Request) -> None:
        """Begin; nothing is drawn yet.

        Args:
            name: of the model, for messages.
            request: how, how long, until when.

        Raises:
            ArgumentError, MissingExtraError: see `Request.constraints`.
        """
        self.request = request
        self._name = name
        # What chooses a symbol, forbids some, and notices the end; they change with each symbol.
        self._sampler = Sampler(request, seed=request.seed)
        self._constraints = request.constraints()
        self._matcher = StopMatcher(request.stops)
        self._speculator = Speculator(request)
        self._room = request.max_bytes
        self._is_prepared = False

    def prepare(self, state: ByteState, share: float = 1.0) -> None:
        """Propose what the pass shall evaluate besides that `state` needs, if it needs one.

        Args:
            state: as `run` has left it.
            share: of the pass that is made for this text.
        """
        if not self._is_prepared and self._room and not state.is_evaluated:
            self._is_prepared = True
            self._speculator.prepare(state, self._constraints, self._room, share)

    def run(self, state: ByteState) -> Iterator[bytes]:
        """Draw from `state`, which moves along.

        Yields:
            For each symbol, the bytes that are certain to be text once it is drawn; perhaps none.
        """
        for room in range(self.request.max_bytes, 0, -1):
            self._room = room
            if self._constraints.must_end:
                break
            self.prepare(state)
            logprobs = state.logprobs()
            self._is_prepared = False
            if room == self.request.max_bytes:
                check_mass(logprobs, self._name)
            symbol = self._sampler.draw(self._constraints.apply(logprobs))
            if symbol == END or not self._constraints.fits(symbol, room):
                break
            self._speculator.follow(state, symbol)
            certain = b"".join(self._matcher.feed(symbol))
            if not self._matcher.stopped and room > 1:
                self._constraints.push(symbol)
                state.push(bytes([symbol]))
            yield certain
            if self._matcher.stopped:
                return
        yield b"".join(self._matcher.flush())


def check_mass(logprobs: NDArray[np.float64], name: str) -> None:
    """Refuse to continue a prompt that the model gives no mass.

    Raises:
        ModelError: all of `logprobs` are minus infinity.
    """
    if logprobs.max() == -np.inf:
        raise ModelError(
            f"{name} gives the prompt no mass: it holds bytes that the vocabulary "
            "cannot express; remove them, or use another model"
        )
