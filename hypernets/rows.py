"""What a method of transfer gives: a row for every token of the new vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Rows:
    """The embeddings of a new vocabulary.

    Attributes:
        inputs: float32 (n, width), what a token looks like to the model.
        outputs: float32 (n, width), what the last hidden state is multiplied by; None where the
            inputs serve for both (tied embeddings).
        bias: float32 (n,), nats that are added to the logits; None for none.
        notes: figure of how they came about -> value, for the report.
        predicted: bool (n,), rows that were made from something else than the token's parts (a
            donor, similar tokens, a network); None for none.
    """

    inputs: Array
    outputs: Array | None = None
    bias: Array | None = None
    notes: Mapping[str, float] = field(default_factory=dict[str, float])
    predicted: NDArray[np.bool_] | None = None

    def logits(self, hidden: Array) -> Array:
        """float32 (queries, n) of the last hidden states, float32 (queries, width)."""
        logits = hidden @ (self.inputs if self.outputs is None else self.outputs).T
        return logits if self.bias is None else logits + self.bias
