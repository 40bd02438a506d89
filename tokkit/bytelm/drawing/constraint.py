"""A constraint on generation: what the text so far says about the next byte.

A constraint adds a *bias* to the model's log-probabilities before anything is drawn; minus
infinity forbids a symbol. Since a constraint speaks of bytes, it holds for every byte-level model,
ensembles of different vocabularies among them: there are no tokens that straddle its borders.

The law is *local*: at each step the model's distribution, biased and renormalised. It is not the
model's distribution on condition that the whole text obeys. That one would also weigh, at each
step, how likely the rest is to obey.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from numpy.typing import NDArray


class Constraint(ABC):
    """A state that follows the text and judges the next symbol.

    Attributes:
        name: the option that asks for it, for messages.
    """

    name: str

    @abstractmethod
    def bias(self) -> NDArray[np.float64]:
        """float64 (257,), nats, none above 0: added to the log-probabilities of the next symbol.

        Index 256 is end of text.
        """

    @abstractmethod
    def push(self, byte: int) -> None:
        """Follow the text by one byte, one that the bias permits."""

    @abstractmethod
    def fork(self) -> Self:
        """An independent copy."""
