"""The rows that a hypernetwork corrects: those of the best heuristic, as tensors.

Rows of a residual network are the heuristic's plus what it predicts, for new tokens alone: copied
ones, and those that nothing old spells, stay as they are. Another network gives the rows itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from tokkit.hypernets.alignment import Alignment
from tokkit.hypernets.heuristics.shared_first import shared_first
from tokkit.hypernets.heuristics.subtokens import mean
from tokkit.hypernets.hypernetwork.architecture import Hypernetwork, Predicted
from tokkit.hypernets.hypernetwork.spellings import Spellings, predict
from tokkit.hypernets.task import TransferTask

HEURISTICS = {"shared-first": shared_first, "mean": mean}


@dataclass(frozen=True, eq=False)
class TokenRows:
    """Rows of a vocabulary.

    Attributes:
        inputs: float32 (n, width).
        outputs: float32 (n, width).
        bias: float32 (n,), nats.
    """

    inputs: torch.Tensor
    outputs: torch.Tensor
    bias: torch.Tensor

    def to(self, device: torch.device) -> TokenRows:
        """The same on another device."""
        inputs = self.inputs.to(device)
        tied = self.outputs is self.inputs
        return TokenRows(inputs, inputs if tied else self.outputs.to(device), self.bias.to(device))

    def with_those(self, tokens: torch.Tensor, some: TokenRows) -> TokenRows:
        """The same, but for the rows of some tokens."""
        return TokenRows(
            self.inputs.index_copy(0, tokens, some.inputs),
            self.outputs.index_copy(0, tokens, some.outputs),
            self.bias.index_copy(0, tokens, some.bias),
        )

    def of(self, tokens: torch.Tensor) -> TokenRows:
        """The rows of some tokens."""
        return TokenRows(self.inputs[tokens], self.outputs[tokens], self.bias[tokens])

    def detach(self) -> TokenRows:
        """Without a gradient."""
        return TokenRows(self.inputs.detach(), self.outputs.detach(), self.bias.detach())


def heuristic_rows(task: TransferTask, name: str) -> TokenRows:
    """What a heuristic of `HEURISTICS` makes without a text."""
    rows = HEURISTICS[name](replace(task, fitting=None, choosing=None))
    inputs = torch.from_numpy(rows.inputs)
    outputs = inputs if rows.outputs is None else torch.from_numpy(rows.outputs)
    bias = torch.zeros(len(inputs)) if rows.bias is None else torch.from_numpy(rows.bias)
    return TokenRows(inputs, outputs, bias)


def predictable(alignment: Alignment) -> torch.Tensor:
    """Bool (n,): new tokens that something old spells."""
    return torch.from_numpy(~alignment.copied & ~alignment.without)


def corrected(
    base: TokenRows, tokens: torch.Tensor, made: Predicted, *, residual: bool
) -> TokenRows:
    """The rows of some tokens: what was predicted, added to the base or in its place."""
    before = base.of(tokens)
    outputs = made.inputs if made.outputs is None and not residual else made.outputs
    if not residual:
        assert outputs is not None
        return TokenRows(made.inputs, outputs, before.bias if made.bias is None else made.bias)
    return TokenRows(
        before.inputs + made.inputs,
        before.outputs if outputs is None else before.outputs + outputs,
        before.bias if made.bias is None else before.bias + made.bias,
    )


def all_rows(
    network: Hypernetwork,
    base: TokenRows,
    spellings: Spellings,
    tokens: torch.Tensor,
    source_rows: torch.Tensor,
    *,
    residual: bool,
    language: int | None = None,
) -> TokenRows:
    """The rows of a vocabulary with those of `tokens` predicted, without a gradient."""
    if not len(tokens):
        return base
    with torch.no_grad():
        made = predict(network, spellings, tokens, source_rows, language=language)
        return base.with_those(tokens, corrected(base, tokens, made, residual=residual))
