"""One continuation that is drawn symbol by symbol: `Draw`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, ByteState
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.sampling import Sampler
from tokkit.bytelm.drawing.speculation.options import MAX_ROWS
from tokkit.bytelm.drawing.speculation.speculator import Speculator
from tokkit.bytelm.drawing.stopping import StopMatcher
from tokkit.errors import ModelError

Finish: TypeAlias = Literal["end", "stop", "length", "error"]
"""Why a text ends: by itself (or its pattern), by a stop string, by its length, by an error."""


class Draw:
    """One continuation that is being sampled.

    Attributes:
        request: what is asked of it.
        finish: why it has ended; None while it goes on.
        written: all bytes drawn so far, those of a stop string among them.
        logprobs: nats, of each of these bytes under the model itself, before any option acts.
        rows: float64 (257,) each, the distributions that they are from, if they are kept.
    """

    def __init__(
        self, name: str, request: Request, *, keep_rows: bool = False, foretell: bool = False
    ) -> None:
        """Begin; nothing is drawn yet.

        Args:
            name: of the model, for messages.
            request: how, how long, until when.
            keep_rows: keep the distribution that each byte is drawn from; not with `foretell`.
            foretell: draw a byte without a pass where a pass could not change it; `logprobs` may
                then stay empty.

        Raises:
            ArgumentError, MissingExtraError: see `Request.constraints`.
        """
        self.request = request
        self._name = name
        # What chooses a symbol, forbids some, and notices the end; they change with each symbol.
        self._sampler = Sampler(request, seed=request.seed)
        self._constraints = request.constraints()
        self._matcher = StopMatcher(request.stops)
        self._speculator = Speculator(request, foretells=foretell and self._sampler.foretells)
        self._room = request.max_bytes
        self._is_prepared = False
        self._keep_rows = keep_rows
        self._n_pushed = 0
        self.finish: Finish | None = None
        self.written = bytearray()
        self.logprobs: list[float] = []
        self.rows: list[NDArray[np.float64]] = []
        self._foretells = foretell and self._speculator.is_on and self._sampler.foretells
        self._row = np.empty(0)
        self._symbol: int | None = None  # the next one, where it is known without a pass

    def is_ready(self, state: ByteState) -> bool:
        """Whether the next symbol can be drawn without a pass.

        Args:
            state: as `run` has left it.
        """
        if not self._room or self._constraints.must_end or state.is_evaluated:
            return True
        if self._symbol is None and self._foretells and self._room < self.request.max_bytes:
            bounds = state.bounds()
            if bounds is not None:
                masses, slack, _ = bounds
                if self._constraints.parts:
                    masses = masses * np.exp(self._constraints.bias())
                self._symbol = self._sampler.foretell(masses, slack)
        return self._symbol is not None

    def prepare(self, state: ByteState, share: float = 1.0, most: int = MAX_ROWS) -> None:
        """Propose what the pass shall evaluate besides that `state` needs, if it needs one.

        Args:
            state: as `run` has left it.
            share: of the pass that is made for this text.
            most: contexts that are proposed, at most.
        """
        if not self._is_prepared and not self.is_ready(state):
            self._is_prepared = True
            self._speculator.prepare(state, self._constraints, self._room, share, most)

    @property
    def speculates(self) -> bool:
        """Whether `prepare` may propose something."""
        return self._speculator.is_on

    @property
    def pushed(self) -> bytes:
        """The bytes that its state has been given."""
        return bytes(self.written[: self._n_pushed])

    @property
    def stopped_by(self) -> bytes | None:
        """The stop string that ended the text."""
        return self._matcher.stopped_by

    def run(self, state: ByteState) -> Iterator[bytes]:
        """Draw from `state`, which moves along.

        Yields:
            For each symbol, the bytes that are certain to be text once it is drawn; perhaps none.
        """
        finish: Finish = "length"
        while True:
            if self._constraints.must_end:
                finish = "end"
                break
            if not self._room:
                break
            symbol = self._next_symbol(state)
            if symbol == END or not self._constraints.fits(symbol, self._room):
                finish = "end" if symbol == END else "length"
                break
            self._speculator.follow(state, symbol)
            self._note(symbol)
            certain = b"".join(self._matcher.feed(symbol))
            self._room -= 1
            if not self._matcher.stopped:
                self._constraints.push(symbol)
                if self._room:
                    state.push(bytes([symbol]))
                    self._n_pushed += 1
            if self._matcher.stopped:
                self.finish = "stop"
                yield certain
                return
            yield certain
        self._room = 0
        self.finish = finish
        yield b"".join(self._matcher.flush())

    def _next_symbol(self, state: ByteState) -> int:
        self.prepare(state)
        symbol, self._symbol = self._symbol, None
        if symbol is not None:
            return symbol
        self._row = logprobs = state.logprobs()
        self._is_prepared = False
        if self._room == self.request.max_bytes:
            check_mass(logprobs, self._name)
        return self._sampler.draw(self._constraints.apply(logprobs))

    def _note(self, symbol: int) -> None:
        self.written.append(symbol)
        if not self._foretells:
            self.logprobs.append(float(self._row[symbol]))
        if self._keep_rows:
            self.rows.append(self._row)


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
