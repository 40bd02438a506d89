"""What tells a model from another one of its name, for the records of a run: `mark_of`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.ensemble import ByteEnsemble

PROBE = b"At 7 he "
_TOLERANCE = 1e-2
"""What one model's figures may differ by on two machines, as a share of them (and in nats)."""


@dataclass(frozen=True)
class Mark:
    """How a model may be known again.

    Attributes:
        model: by name.
        options: how it is looked through, plain data.
        probe: nats, the log-probability that it gives to a short text; None for minus infinity.
    """

    model: str
    options: dict[str, Any]
    probe: float | None

    def difference(self, other: Mark) -> str | None:
        """What the marks differ in, in words; None for nothing."""
        for name in self.options | other.options:
            mine, its = self.options.get(name), other.options.get(name)
            if mine != its:
                return f"{name} was {mine!r}, and is {its!r}"
        told = [math.inf if each is None else -each for each in (self.probe, other.probe)]
        if told[0] == told[1] or math.isclose(*told, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
            return None
        return f"it gave {PROBE.decode()!r} {told[0]:.2f} nats, and gives it {told[1]:.2f}"


def mark_of(name: str, lm: ByteModel) -> Mark:
    """The mark of a model; asks it once."""
    probe = lm.logprob(PROBE)
    return Mark(name, _options(lm), None if probe == -math.inf else probe)


def _options(lm: ByteModel) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": type(lm).__name__}
    if isinstance(lm, ByteLM):
        found |= {"encodings": lm.encodings, "tolerance": lm.tolerance}
        if lm.encodings == "all":
            found |= {"beam": lm.beam, "bound": lm.bound}
    elif isinstance(lm, ByteEnsemble):
        found |= {"combination": repr(lm.combination), "tolerance": lm.tolerance}
        found |= {"weights": lm.weights.tolist()}
        found |= {"members": [_options(member) for member in lm.members]}
    return found
