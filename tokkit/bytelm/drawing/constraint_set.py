"""All that is asked of one completion: repetition, valid UTF-8, a pattern."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.bytelm.drawing.constraint import Constraint
from tokkit.bytelm.drawing.valid_utf8 import ValidUtf8
from tokkit.errors import ModelError


class Constraints(Constraint):
    """Several constraints on one text; their biases add up.

    Attributes:
        parts: none means that nothing is asked.
        utf8: the one among them that knows where characters end, if there is one.
    """

    name = "constraints"

    def __init__(self, parts: Sequence[Constraint]) -> None:
        """Put constraints together."""
        self.parts = tuple(parts)
        self.utf8 = next((part for part in parts if isinstance(part, ValidUtf8)), None)
        self._bias: NDArray[np.float64] | None = None

    def bias(self) -> NDArray[np.float64]:
        """See `Constraint.bias`; computed once for each position."""
        if self._bias is None:
            self._bias = sum((part.bias() for part in self.parts), np.zeros(N_SYMBOLS))
        return self._bias

    @property
    def must_end(self) -> bool:
        """Whether the text can only end here, whatever the model thinks of that."""
        bias = self.bias()
        return bool(bias[:END].max() == -np.inf < bias[END])

    def apply(self, logprobs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-probabilities with the bias, nats, not normalised.

        Args:
            logprobs: float64 (257,), nats.

        Raises:
            ModelError: nothing that is permitted has any mass.
        """
        biased = logprobs + self.bias()
        if biased.max() == -np.inf < logprobs.max():
            names = " and ".join(part.name for part in self.parts)
            raise ModelError(
                f"the model gives no mass to anything that is permitted here (by {names}); ask "
                "less of the text, or use another model"
            )
        return biased

    def fits(self, symbol: int, room: int) -> bool:
        """Whether the character that a byte belongs to ends within `room` more bytes.

        True if nothing is said about characters.
        """
        return self.utf8 is None or self.utf8.n_needed(symbol) <= room

    def push(self, byte: int) -> None:
        """See `Constraint.push`."""
        for part in self.parts:
            part.push(byte)
        self._bias = None

    def fork(self) -> Self:
        """See `Constraint.fork`."""
        return type(self)([part.fork() for part in self.parts])
