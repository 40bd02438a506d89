"""What every method of transfer works on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tokkit.hypernets.alignment import Alignment, Weighting
from tokkit.hypernets.plain_models.donors import Donor
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.windows import Progress, Reading
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

Floats = NDArray[np.float32]


class RowMaker(Protocol):
    """What makes rows for a task; a method of its own, and not one of the table's."""

    def rows(self, task: TransferTask) -> Rows:
        """Make them."""
        ...


@dataclass(frozen=True, eq=False)
class TransferTask:
    """Old rows, the spelling of new tokens in old ones, and what a text said.

    Attributes:
        alignment: of the new tokens.
        source: the old tokenizer.
        target: the new tokenizer as data.
        inputs: float32 (n_source, width), the old input rows.
        outputs: float32 (n_source, width), the old output rows; None where they are the input rows.
        bias: float32 (n_source,), the old bias of the logits, or None.
        seed: of whatever a method draws.
        fitting: what the old model made of a text, and of one of its own, cut by the new tokenizer;
            None where the method fits nothing.
        choosing: the same of other windows of the text, on which a method chooses between its own
            settings; None without a text.
        windows: of a text, all but those of the report; none without a text.
        donor: rows of a model that has the new tokenizer; None where the method wants none.
        k: what the caller asked for, for methods that have such a number; None for their own.
        device: where torch computes.
        progress: called with what is being done, how much of it is done, and of how much.
        hypernet: a trained network, for the method that uses one.
    """

    alignment: Alignment
    source: TextTokenizer
    target: TokenizerSpec
    inputs: Floats
    outputs: Floats | None
    bias: Floats | None
    seed: int
    fitting: Reading | None = None
    choosing: Reading | None = None
    windows: tuple[bytes, ...] = ()
    donor: Donor | None = None
    k: int | None = None
    device: str = "cpu"
    progress: Progress | None = None
    hypernet: RowMaker | None = None

    @property
    def tied(self) -> bool:
        """Whether one matrix serves for both."""
        return self.outputs is None

    @cached_property
    def new(self) -> NDArray[np.bool_]:
        """Bool (n_target,): tokens that need a row of their own making."""
        return ~self.alignment.copied

    def weighted(self, rows: Floats, kind: Weighting) -> Floats:
        """float32 (n_target, width): weighted sums of the rows of each token's parts.

        A token without a decomposition gets the mean of all old rows.
        """
        made = np.asarray(self.alignment.weights(kind) @ rows)
        made[self.alignment.without] = rows.mean(axis=0)
        return made
