"""`LogLinear`: a product of powers whose exponents are learned as the text goes.

    P(b | x) = prod_i P_i(b | x)^t_i / Z(x)

The exponents t begin at the weights, and keep their sum; after each byte they take an online Newton
step (Hazan, Agarwal and Kale, "Logarithmic Regret Algorithms for Online Convex Optimization", 2007,
figure 2) on the byte's code length, whose gradient is

    g_i = E[log P_i] - log P_i(b | x)

with the mean under P(. | x): what a member has said of the byte, against what it says of bytes that
the ensemble expects. The step is H^-1 g within the exponents of that sum, where H is 1 / `step` on
the diagonal and gathers g g^T, old terms fading with a time constant of `memory` bytes. Compressors
of the PAQ family mix so (Mahoney, 2005), each bit by itself and with a plain gradient step;
weighting experts in the logarithmic domain is Mattern's "Linear and Geometric Mixtures" (2013).

Deviations: no projection onto a bounded set; forgetting; the sum stays what it was, so that equal
members are the member. On texts to choose on that was better than free exponents: a temperature
that is learned from a page costs more than it gives. A member's row counts as at least e^-25, so
that none rules a byte out by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_real, check_whole
from tokkit.bytelm.ensembles.combination import Combination, Following, Step
from tokkit.bytelm.ensembles.fixed import check_cut, no_mass, resolved_cut
from tokkit.bytelm.ensembles.pooling import FLOOR, Rows, pool
from tokkit.errors import ArgumentError


@dataclass(frozen=True)
class LogLinear(Combination):
    """Exponents learned online.

    Attributes:
        step: size of the first step; later ones are smaller the more has been seen. 0 learns
            nothing.
        memory: bytes after which what has been seen has faded to 1/e, at least 1.
        cut: see `pool`; None: 0.1 if a weight is negative, else 0.
    """

    step: float = 0.1
    memory: int = 200
    cut: float | None = None

    name: ClassVar[str] = "loglinear"
    signed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ArgumentError: one is out of range.
        """
        if not 0 <= check_real("step", self.step) <= 1:
            raise ArgumentError(f"step must be from 0 to 1, got {self.step}")
        check_whole("memory", self.memory, 1)
        check_cut(self.cut)

    def follow(self, weights: NDArray[np.float64]) -> FollowingLogLinear:
        """See `Combination.follow`."""
        return FollowingLogLinear(weights, self)


@dataclass(frozen=True, slots=True)
class LogLinearStep(Step):
    """Attributes: `exponents`, float64 (n,), 0 for the dead."""

    exponents: NDArray[np.float64]


class FollowingLogLinear(Following[LogLinearStep]):
    """See `LogLinear`."""

    def __init__(self, weights: NDArray[np.float64], options: LogLinear) -> None:
        """See `Following`."""
        super().__init__(weights)
        self._options = options
        self._cut = resolved_cut(options.cut, weights)
        self._exponents = weights
        self._seen = np.zeros((len(weights), len(weights)))

    def expect(self, rows: Rows) -> LogLinearStep:
        """See `Following.expect`."""
        alive = self._living(rows)
        if not alive.any():
            return LogLinearStep(rows, alive, no_mass(), np.zeros(len(rows)))
        lost = float(self._exponents[~alive].sum())  # goes to the living, in equal parts
        exponents = np.where(alive, self._exponents + lost / alive.sum(), 0.0)
        row = pool(rows[alive], exponents[alive], floored=True, cut=self._cut)
        return LogLinearStep(rows, alive, row, exponents)

    def shares(self, step: LogLinearStep) -> NDArray[np.float64]:
        """See `Following.shares`."""
        return step.exponents

    def _learn(self, step: LogLinearStep, byte: int) -> None:
        alive = step.alive
        if not self._options.step or alive.sum() < 2 or step.row[byte] == -np.inf:
            return
        lifted = np.maximum(step.rows[alive], FLOOR)
        gradient = lifted @ np.exp(step.row) - lifted[:, byte]
        gradient -= gradient.mean()  # the exponents keep their sum
        seen = self._seen * np.exp(-1 / self._options.memory)
        seen[np.ix_(alive, alive)] += np.outer(gradient, gradient)
        hessian = seen[np.ix_(alive, alive)] + np.eye(len(gradient)) / self._options.step
        change = cast("NDArray[np.float64]", np.linalg.solve(hessian, gradient))
        exponents = self._exponents.copy()
        exponents[alive] -= change - change.mean()
        self._exponents, self._seen = exponents, seen
