"""What a combination of models is: `Combination`, and the `Following` that goes along one text.

A combination turns the members' rows for the next byte into one row, and may learn from the byte
that comes. What it has learned depends on the past of the text alone, so the product of its steps
is a distribution over texts, whatever it learns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.ensembles.pooling import Row, Rows
from tokkit.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Step:
    """What is expected before a byte.

    Attributes:
        rows: float64 (n, 257), nats: the members' next byte, all minus infinity for a dead one.
        alive: bool (n,): which members have a next byte to offer, and a weight.
        row: float64 (257,), nats: the combination's next byte.
    """

    rows: Rows
    alive: NDArray[np.bool_]
    row: Row


S = TypeVar("S", bound=Step)


class Following(ABC, Generic[S]):
    """A combination along one text.

    Attributes:
        log_total: nats, of the text so far.
    """

    def __init__(self, weights: NDArray[np.float64]) -> None:
        """Start at the empty text.

        Args:
            weights: float64 (n,), as `Combination.check_weights` returns them.
        """
        self.log_total = 0.0
        self._weights = weights

    def _living(self, rows: Rows) -> NDArray[np.bool_]:
        return (rows.max(axis=1) > -np.inf) & (self._weights != 0)

    @abstractmethod
    def expect(self, rows: Rows) -> S:
        """The next byte, given the members' rows; changes nothing."""

    @abstractmethod
    def shares(self, step: S) -> NDArray[np.float64]:
        """float64 (n,): the say that each member has in a step.

        They sum to 1, or to the sum of the exponents; all are 0 where nobody lives.
        """

    def push(self, step: S, byte: int) -> None:
        """Go on by a byte that was expected so."""
        self.log_total += float(step.row[byte])
        self._learn(step, byte)

    def _learn(self, step: S, byte: int) -> None:
        """What the byte says; `log_total` holds it already."""

    def fork(self) -> Self:
        """An independent copy. What is learned is replaced, never changed in place."""
        return copy(self)


class Combination(ABC):
    """A way to combine members, with its options; frozen, and compared by them.

    Attributes:
        name: by which `ByteEnsemble` knows it.
        signed: whether weights may be negative.
    """

    name: ClassVar[str]
    signed: ClassVar[bool] = False

    @abstractmethod
    def follow(self, weights: NDArray[np.float64]) -> Following[Any]:
        """At the empty text.

        Args:
            weights: float64 (n,), as `check_weights` returns them.
        """

    def check_weights(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights as they are used: shares of 1, or exponents as they stand if one is negative.

        Raises:
            ArgumentError: they are not finite, none is positive, one is negative where none may be,
                or they differ by more than a float can hold.
        """
        negative = bool((weights < 0).any())
        if not np.isfinite(weights).all() or (negative and not self.signed) or weights.max() <= 0:
            wanted = "with at least one positive" if self.signed else "not negative, not all 0"
            raise ArgumentError(
                f"weights of {self.name!r} must be finite, {wanted}; got {weights.tolist()}"
            )
        if negative:
            return weights
        scaled = np.ldexp(weights, -np.frexp(weights.max())[1])  # by a power of two: a finite sum
        shares = scaled / scaled.sum()
        if (shares == 0).tolist() != (weights == 0).tolist():
            raise ArgumentError(
                f"weights differ by more than a float can hold, got {weights.tolist()}; give 0 to "
                "a member that is to be left out"
            )
        return shares


def log_shares(weights: NDArray[np.float64], alive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """float64 (n,): logarithms of weights over the living, which sum to 1; not negative ones."""
    with np.errstate(divide="ignore"):
        logs = np.where(alive, np.log(weights), -np.inf)
    return normalised_logs(logs)


def normalised_logs(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms of weights that sum to 1; as they are if there are none."""
    total = np.logaddexp.reduce(logs, axis=None)
    return logs - total if total > -np.inf else logs
