"""`Adaptive`: switching among the members, their product and the log-linear combination.

A hidden Markov model (`tokkit.bytelm.ensembles.switching`) whose experts are the n members, their
product under the weights, and the product with learned exponents
(`tokkit.bytelm.ensembles.loglinear`). The log-linear one is by far the best where it has settled,
so it begins with most of the weight; the product is there before it has, the members where one of
them alone is right, above all where the text changes. The rate of switching is itself unknown: one
of six, from one switch in ten bytes to one in three thousand, and the text tells which.

It loses at most what its switching does against any sequence of experts, and log 6 nats for the
rate: against the log-linear one alone 2 nats, and 0.06 millinats a byte.

The form was chosen on passages that are kept apart from those of the published table
(`benchmarks/ensemble/rows.py`). Tried and dropped, for no gain or a loss: exponents of their own
after each class of byte or each place in a word, exponents that depend on the members' entropies,
the mean and several memories as further experts, one fixed rate, a rate that falls with the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.ensembles.combination import Combination, Following, Step
from tokkit.bytelm.ensembles.fixed import FollowingProduct, no_mass
from tokkit.bytelm.ensembles.loglinear import FollowingLogLinear, LogLinear, LogLinearStep
from tokkit.bytelm.ensembles.pooling import Rows, average
from tokkit.bytelm.ensembles.switching import Speakers

RATES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
"""Of switching, equally probable at first."""
LOGLINEAR_SHARE = 0.8
"""The log-linear expert's weight; a third of the rest is the product's."""


@dataclass(frozen=True)
class Adaptive(Combination):
    """What follows the text.

    Attributes:
        loglinear: the options of the log-linear expert.
    """

    loglinear: LogLinear = field(default_factory=LogLinear)

    name: ClassVar[str] = "adaptive"

    def follow(self, weights: NDArray[np.float64]) -> FollowingAdaptive:
        """See `Combination.follow`."""
        return FollowingAdaptive(weights, self.loglinear)


@dataclass(frozen=True, slots=True)
class AdaptiveStep(Step):
    """What the experts expect.

    Attributes:
        experts: float64 (n + 2, 257), nats: the members, the product, the log-linear one.
        speaking: float64 (n + 2,): the probability that each of them speaks.
        product: the product's step.
        loglinear: the log-linear one's step.
    """

    experts: Rows
    speaking: NDArray[np.float64]
    product: Step
    loglinear: LogLinearStep


class FollowingAdaptive(Following[AdaptiveStep]):
    """See `Adaptive`."""

    def __init__(self, weights: NDArray[np.float64], loglinear: LogLinear) -> None:
        """See `Following`."""
        super().__init__(weights)
        rest = 1 - LOGLINEAR_SHARE
        shares = np.concatenate([weights * (rest * 2 / 3), [rest / 3, LOGLINEAR_SHARE]])
        self._speakers = Speakers(shares, np.array(RATES))
        self._product = FollowingProduct(weights, cut=0.0)
        self._loglinear = FollowingLogLinear(weights, loglinear)

    def expect(self, rows: Rows) -> AdaptiveStep:
        """See `Following.expect`."""
        alive = self._living(rows)
        product, loglinear = self._product.expect(rows), self._loglinear.expect(rows)
        experts = np.vstack([rows, product.row, loglinear.row])
        living = self._expert_lives(experts, alive)
        logs = self._speakers.logs(living)
        row = average(experts[living], logs[living]) if living.any() else no_mass()
        return AdaptiveStep(rows, alive, row, experts, np.exp(logs), product, loglinear)

    @staticmethod
    def _expert_lives(experts: Rows, alive: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.concatenate([alive, experts[len(alive) :].max(axis=1) > -np.inf])

    def shares(self, step: AdaptiveStep) -> NDArray[np.float64]:
        """See `Following.shares`: its own, and what it has in the two products."""
        n = len(step.rows)
        product, loglinear = step.speaking[n:].tolist()
        shared = product * self._product.shares(step.product)
        return step.speaking[:n] + shared + loglinear * step.loglinear.exponents

    def _learn(self, step: AdaptiveStep, byte: int) -> None:
        living = self._expert_lives(step.experts, step.alive)
        self._speakers = self._speakers.after(step.experts[:, byte], living)
        loglinear = self._loglinear.fork()
        loglinear.push(step.loglinear, byte)
        self._loglinear = loglinear
