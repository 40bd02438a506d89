"""Combinations that learn nothing but, in a mixture, who has predicted the text so far.

- `Mixture`: P(x) = sum_i w_i P_i(x), the true mixture. Its next byte is the average of the members'
  under the *posterior* weights, which follow the evidence: w_i P_i(x), normalised.
- `Mean`: the average of the next-byte distributions under the fixed weights, at each step.
- `Product`: their geometric mean, renormalised at each step (a product of experts; Hinton, 2002).
  Weights of both signs are exponents as they stand: one model against another (contrastive
  decoding, Li et al., ACL 2023), or what tuning changed, on top of a third model (proxy tuning, Liu
  et al., COLM 2024), here across vocabularies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_real
from tokkit.bytelm.byte_state import N_SYMBOLS, Bounds
from tokkit.bytelm.ensembles.combination import (
    Combination,
    Following,
    Step,
    log_shares,
    normalised_logs,
)
from tokkit.bytelm.ensembles.pooling import Rows, average, pool
from tokkit.errors import ArgumentError

DEFAULT_CUT = 0.1
"""Of the plausibility cut where a weight is negative."""


def no_mass() -> NDArray[np.float64]:
    """float64 (257,): the row where nobody lives."""
    return np.full(N_SYMBOLS, -np.inf)


@dataclass(frozen=True)
class Mean(Combination):
    """The average of each step under fixed weights."""

    name: ClassVar[str] = "mean"

    def follow(self, weights: NDArray[np.float64]) -> FollowingMean:
        """See `Combination.follow`."""
        return FollowingMean(weights)


class FollowingMean(Following[Step]):
    """See `Mean`."""

    def expect(self, rows: Rows) -> Step:
        """See `Following.expect`."""
        alive = self._living(rows)
        if not alive.any():
            return Step(rows, alive, no_mass())
        logs = log_shares(self._weights, alive)
        return Step(rows, alive, average(rows[alive], logs[alive]))

    def shares(self, step: Step) -> NDArray[np.float64]:
        """See `Following.shares`."""
        return np.exp(log_shares(self._weights, step.alive))


@dataclass(frozen=True)
class Mixture(Combination):
    """The true mixture: one member writes the whole text, nobody knows which."""

    name: ClassVar[str] = "mixture"

    def follow(self, weights: NDArray[np.float64]) -> FollowingMixture:
        """See `Combination.follow`."""
        return FollowingMixture(weights)


class FollowingMixture(Following[Step]):
    """See `Mixture`."""

    def __init__(self, weights: NDArray[np.float64]) -> None:
        """See `Following`."""
        super().__init__(weights)
        with np.errstate(divide="ignore"):
            self._log_joint = np.log(weights)  # of the member and the text so far

    def know(self, evidence: NDArray[np.float64]) -> None:
        """Take the members' log-probabilities of the whole text so far, float64 (n,), nats."""
        with np.errstate(divide="ignore"):
            self._log_joint = np.log(self._weights) + evidence
        self.log_total = float(np.logaddexp.reduce(self._log_joint))

    def expect(self, rows: Rows) -> Step:
        """See `Following.expect`."""
        alive = self._living(rows) & (self._log_joint > -np.inf)
        if not alive.any():
            return Step(rows, alive, no_mass())
        return Step(rows, alive, average(rows[alive], normalised_logs(self._log_joint[alive])))

    def shares(self, step: Step) -> NDArray[np.float64]:
        """See `Following.shares`."""
        return np.exp(normalised_logs(np.where(step.alive, self._log_joint, -np.inf)))

    def bounds(self, members: Sequence[Bounds]) -> Bounds | None:
        """What is known of the next symbol, by what is known of it under each member."""
        with np.errstate(divide="ignore"):
            units = np.log(self._weights) + [each.log_unit for each in members]
        largest = float(units.max())
        if not largest > -np.inf:  # nor where one is not known
            return None
        shares = np.exp(units - largest)
        masses = shares @ np.stack([each.masses for each in members])
        return Bounds(masses, float(shares @ [each.slack for each in members]), largest)

    def _learn(self, step: Step, byte: int) -> None:
        self._log_joint = self._log_joint + step.rows[:, byte]
        self.log_total = float(np.logaddexp.reduce(self._log_joint))


def check_cut(cut: float | None) -> None:
    """Refuse a plausibility cut out of range.

    Raises:
        ArgumentError: not None, and not from 0 to below 1.
    """
    if cut is not None and not 0 <= check_real("cut", cut) < 1:
        raise ArgumentError(f"cut must be at least 0 and below 1, got {cut}")


def resolved_cut(cut: float | None, weights: NDArray[np.float64]) -> float:
    """The cut that is used: none unless asked for, or a weight is negative."""
    if cut is not None:
        return cut
    return DEFAULT_CUT if (weights < 0).any() else 0.0


@dataclass(frozen=True)
class Product(Combination):
    """The normalised product of powers of each step.

    Attributes:
        cut: see `pool`; None: 0.1 if a weight is negative, else 0.
    """

    cut: float | None = None

    name: ClassVar[str] = "product"
    signed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the option.

        Raises:
            ArgumentError: out of range.
        """
        check_cut(self.cut)

    def follow(self, weights: NDArray[np.float64]) -> FollowingProduct:
        """See `Combination.follow`."""
        return FollowingProduct(weights, resolved_cut(self.cut, weights))


class FollowingProduct(Following[Step]):
    """See `Product`."""

    def __init__(self, weights: NDArray[np.float64], cut: float) -> None:
        """See `Following`; `cut` as it is used."""
        super().__init__(weights)
        self._cut = cut

    def expect(self, rows: Rows) -> Step:
        """See `Following.expect`."""
        alive = self._living(rows)
        if not alive.any():
            return Step(rows, alive, no_mass())
        row = pool(rows[alive], self._exponents(alive)[alive], cut=self._cut)
        return Step(rows, alive, row)

    def _exponents(self, alive: NDArray[np.bool_]) -> NDArray[np.float64]:
        if (self._weights < 0).any():
            return np.where(alive, self._weights, 0.0)
        return np.exp(log_shares(self._weights, alive))

    def shares(self, step: Step) -> NDArray[np.float64]:
        """See `Following.shares`."""
        return self._exponents(step.alive)
