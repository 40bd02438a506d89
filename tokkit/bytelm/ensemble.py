"""Ensembles of byte-level models, whatever tokenizers stand behind them.

Ways to combine n models with weights w, each a class in `tokkit.bytelm.ensembles`:

- `mixture`: P(x) = sum_i w_i P_i(x), the true mixture. Its next byte is the average of the members'
  under the *posterior* weights, which follow the evidence: w_i P_i(x), normalised.
- `mean`: the average of the next-byte distributions under the fixed weights, at each step.
- `product`: their geometric mean, renormalised at each step (a product of experts); weights of both
  signs are exponents as they stand.
- `switching`: a mixture that may go over to another member at each byte.
- `loglinear`: the product with exponents that are learned from the text so far.
- `adaptive`: switching among the members, the product and the log-linear combination.

A member that gives the text so far no mass has no next byte to offer: it drops out, and the others
go on; where it has a next byte again, it is back. A byte that a living member cannot produce gets
zero from that member; in a product that means zero altogether.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokkit.arguments import check_kind, check_name, check_real
from tokkit.bytelm.byte_model import ByteModel, check_model
from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.ensembles.combination import Combination
from tokkit.bytelm.ensembles.lazy import LazyEnsembleState
from tokkit.bytelm.ensembles.names import (
    COMBINATIONS,
    Combine,
    check_weights,
    resolve_combination,
)
from tokkit.bytelm.ensembles.state import EnsembleState
from tokkit.errors import ArgumentError

__all__ = ["COMBINATIONS", "ByteEnsemble", "Combine", "EnsembleState"]


class ByteEnsemble(ByteModel):
    """Several byte-level models as one; members may be ensembles themselves.

    Attributes:
        members: the models.
        weights: float64 (n,): of sum 1, or exponents as they were given if one is negative.
        combination: how they are combined.
        tolerance: how much a member may change without being asked.
    """

    def __init__(
        self,
        members: Sequence[ByteModel],
        *,
        weights: Sequence[float] | None = None,
        combine: Combine | Combination = "mixture",
        tolerance: float = 0.0,
        name: str | None = None,
    ) -> None:
        """Put models together.

        Args:
            members: at least one.
            weights: one for each member, equal by default. Not negative, and only their ratios
                count; of `product` and `loglinear` some may be negative, and all are then exponents
                as they stand.
            combine: a name (see the module), or a combination with options of its own, such as
                `Switching(rate=0.05)`.
            tolerance: a member is not asked for a while where it has changed the next byte's
                distribution by no more than this (total variation, at least 0 and below 1); see
                `tokkit.bytelm.ensembles.lazy`. 0 asks all members always, and is exact.
            name: for tables.

        Raises:
            ArgumentError: weights that do not fit, no members, or an unknown combination.
        """
        check_kind(members, Iterable, "members", "pass a list of models")
        check_name(name)
        self.members = tuple(members)
        if not self.members:
            raise ArgumentError("an ensemble needs at least one member, got none")
        self.combination = resolve_combination(combine)
        if not 0 <= check_real("tolerance", tolerance) < 1:
            raise ArgumentError(f"tolerance must be at least 0 and below 1, got {tolerance}")
        self.tolerance = float(tolerance)
        for member in self.members:
            check_model(member)
        self.weights = check_weights(weights, len(self.members), self.combination)
        names = ", ".join(member.name for member in self.members)
        self.name = name or f"{self.combine} of {names}"

    @property
    def combine(self) -> str:
        """The name of the combination."""
        return self.combination.name

    def __repr__(self) -> str:
        """How it combines, and its members with their weights."""
        pairs = zip(self.members, self.weights.tolist(), strict=True)
        parts = ", ".join(f"{member.name!r}: {weight:.3g}" for member, weight in pairs)
        return f"ByteEnsemble({self.combine} of {{{parts}}})"

    def open(self, prefix: str | bytes = b"") -> EnsembleState:
        """A state after `prefix`."""
        states = [member.open() for member in self.members]
        following = self.combination.follow(self.weights)
        state = (
            LazyEnsembleState(states, following, self.law, self.tolerance)
            if self.tolerance
            else EnsembleState(states, following, self.law)
        )
        state.push(prefix)
        return state

    @property
    def law(self) -> object:
        """See `ByteModel.law`; the members have their own."""
        return self.combination, self.tolerance, *self.weights.tolist()

    def may_have_opened(self, state: ByteState) -> bool:
        """See `ByteModel.may_have_opened`."""
        parts = state.members if isinstance(state, EnsembleState) else ()
        asked = zip(self.members, parts, strict=False)
        return super().may_have_opened(state) and all(m.may_have_opened(part) for m, part in asked)
