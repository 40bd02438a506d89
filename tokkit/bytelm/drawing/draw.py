"""One continuation that is drawn symbol by symbol: `Draw`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import MAX_BYTES, check_whole
from tokkit.bytelm.byte_state import END, ByteState
from tokkit.bytelm.drawing.constraint_set import Constraints
from tokkit.bytelm.drawing.patterns import Grammar
from tokkit.bytelm.drawing.sampling import Sampler, Sampling, SamplingOptions
from tokkit.bytelm.drawing.stopping import StopMatcher, as_stops
from tokkit.errors import ModelError


@dataclass(frozen=True)
class Draw:
    """One continuation to be sampled: how, how long, until when.

    Attributes:
        name: of the model, for messages.
        max_bytes: at most so many symbols are drawn.
        sampler, constraints, matcher: what chooses a symbol, forbids some, and notices the end;
            they change as symbols are drawn.
    """

    name: str
    max_bytes: int
    sampler: Sampler
    constraints: Constraints
    matcher: StopMatcher

    @classmethod
    def of(
        cls,
        name: str,
        prompt: bytes,
        max_bytes: int,
        seed: int | None,
        stop: str | bytes | Sequence[str | bytes],
        pattern: str | Grammar | None,
        sampling: SamplingOptions,
    ) -> Draw:
        """Check the options; see `ByteModel.stream`."""
        law = Sampling.of(sampling)
        sampler = Sampler(law, seed=seed)
        check_max_bytes(max_bytes)
        matcher = StopMatcher(as_stops(stop), whole_characters=law.valid_utf8)
        return cls(name, max_bytes, sampler, Constraints.of(prompt, law, pattern), matcher)

    def run(self, state: ByteState) -> Iterator[bytes]:
        """Draw from `state`, which moves along.

        Yields:
            For each symbol, the bytes that are certain to be text once it is drawn; perhaps none.
        """
        for room in range(self.max_bytes, 0, -1):
            if self.constraints.must_end:
                break
            logprobs = state.logprobs()
            if room == self.max_bytes:
                check_mass(logprobs, self.name)
            symbol = self.sampler.draw(self.constraints.apply(logprobs))
            if symbol == END or not self.constraints.fits(symbol, room):
                break
            certain = b"".join(self.matcher.feed(symbol))
            if not self.matcher.stopped and room > 1:
                self.constraints.push(symbol)
                state.push(bytes([symbol]))
            yield certain
            if self.matcher.stopped:
                return
        yield b"".join(self.matcher.flush())


def check_max_bytes(max_bytes: int) -> None:
    """Check how many bytes are asked for.

    Raises:
        ArgumentError: out of range.
    """
    check_whole("max_bytes", max_bytes, 0, MAX_BYTES)


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
