"""`Switching`: a mixture that may go over to another member at each byte.

A hidden Markov model over members. Before the first byte one is drawn by the weights w; before each
further byte, with probability `rate`, one is drawn anew. The probability of a text is the sum over
all sequences of members, which the forward recursion computes a byte at a time:

    v_1(i) = w_i,   P(b | x) = sum_i v(i) P_i(b | x),
    v'(i) = (1 - rate) v(i) P_i(b | x) / P(b | x) + rate w_i

(the fixed share of Herbster and Warmuth, "Tracking the Best Expert", 1998, in Bayesian form). With
`rate` 0 it is the mixture, with 1 the mean.

Against any sequence of members with k switches in n bytes it loses at most

    -log w_first - sum over switches of log(rate w_next) - (n - 1 - k) log(1 - rate)

nats, whatever the text: the length of a code for that sequence. A member that has no next byte is
left out of the sum, and is found again at its share when it has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_real
from tokkit.bytelm.ensembles.combination import Combination, Following, Step, normalised_logs
from tokkit.bytelm.ensembles.fixed import no_mass
from tokkit.bytelm.ensembles.pooling import Rows, average
from tokkit.errors import ArgumentError


@dataclass(frozen=True)
class Switching(Combination):
    """Who speaks may change at every byte.

    Attributes:
        rate: probability that the speaker is drawn anew before a byte, from 0 to 1.
    """

    rate: float = 0.02

    name: ClassVar[str] = "switching"

    def __post_init__(self) -> None:
        """Check the option.

        Raises:
            ArgumentError: out of range.
        """
        if not 0 <= check_real("rate", self.rate) <= 1:
            raise ArgumentError(f"rate must be from 0 to 1, got {self.rate}")

    def follow(self, weights: NDArray[np.float64]) -> FollowingSwitching:
        """See `Combination.follow`."""
        return FollowingSwitching(weights, self.rate)


class FollowingSwitching(Following[Step]):
    """See `Switching`."""

    def __init__(self, weights: NDArray[np.float64], rate: float) -> None:
        """See `Following` and `Switching`."""
        super().__init__(weights)
        self._speakers = Speakers(weights, np.array([rate]))

    def expect(self, rows: Rows) -> Step:
        """See `Following.expect`."""
        alive = self._living(rows)
        logs = self._speakers.logs(alive)
        row = average(rows[alive], logs[alive]) if alive.any() else no_mass()
        return Step(rows, alive, row)

    def shares(self, step: Step) -> NDArray[np.float64]:
        """See `Following.shares`."""
        return np.exp(self._speakers.logs(step.alive))

    def _learn(self, step: Step, byte: int) -> None:
        self._speakers = self._speakers.after(step.rows[:, byte], step.alive)


class Speakers:
    """The forward variables of a hidden Markov model over experts, for one or several rates.

    Several rates stand for one that is drawn before the text and not known: the state is the pair
    of rate and expert. Immutable.
    """

    def __init__(
        self,
        weights: NDArray[np.float64],
        rates: NDArray[np.float64],
        forward: NDArray[np.float64] | None = None,
    ) -> None:
        """Start before the first byte.

        Args:
            weights: float64 (k,), of sum 1: how an expert is drawn, at first and anew.
            rates: float64 (r,), equally probable.
            forward: float64 (r, k), logarithms of sum 1; not given at the start.
        """
        self._weights = weights
        self._rates = rates
        with np.errstate(divide="ignore"):
            self._log_weights = np.log(weights)
            self._log_rates = np.log(rates)[:, None]
            self._log_stays = np.log1p(-rates)[:, None]
        start = np.tile(self._log_weights - np.log(len(rates)), (len(rates), 1))
        self._forward = start if forward is None else forward

    def logs(self, alive: NDArray[np.bool_]) -> NDArray[np.float64]:
        """float64 (k,): log-probabilities of who speaks, among the living, of sum 1.

        Where none of the living has any left, their weights.
        """
        logs = np.where(alive, np.logaddexp.reduce(self._forward, axis=0), -np.inf)
        if logs.max() == -np.inf:
            logs = np.where(alive, self._log_weights, -np.inf)
        return normalised_logs(logs)

    def after(self, evidence: NDArray[np.float64], alive: NDArray[np.bool_]) -> Speakers:
        """One byte later.

        Args:
            evidence: float64 (k,), nats: each expert's probability of the byte.
            alive: bool (k,): the experts that had a row.
        """
        joint = np.where(alive, self._forward + evidence, -np.inf)
        if joint.max() == -np.inf:  # nobody could say the byte: begin anew
            return Speakers(self._weights, self._rates)
        joint = normalised_logs(joint)
        of_rate = np.logaddexp.reduce(joint, axis=1)[:, None]
        forward = np.logaddexp(
            self._log_stays + joint, self._log_rates + of_rate + self._log_weights
        )
        return Speakers(self._weights, self._rates, forward)
