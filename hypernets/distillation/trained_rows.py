"""Rows of which some are trained: those of tokens that a text holds, and that need new ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tokkit.hypernets.rows import Rows

if TYPE_CHECKING:
    from tokkit.hypernets.distillation.sampled_softmax import SampledSoftmax
    from tokkit.hypernets.task import Floats

_CHUNK_LOGITS = 1 << 24


class TrainedRows(nn.Module):
    """Input rows, output rows and a bias, in float32.

    Attributes:
        inputs: the trained input rows (n_inputs, width).
        outputs: the trained output rows (n_outputs, width).
        bias: of the trained output rows (n_outputs,).
    """

    def __init__(
        self, rows: Rows, *, inputs: NDArray[np.int64], outputs: NDArray[np.int64]
    ) -> None:
        """Begin with given rows.

        Args:
            rows: of all tokens.
            inputs: ids of the tokens whose input rows are trained.
            outputs: ids of those whose output rows and biases are trained; none for none.
        """
        super().__init__()
        self._rows = rows
        self._input_ids, self._output_ids = inputs, outputs
        given = rows.inputs if rows.outputs is None else rows.outputs
        bias = np.zeros(len(given), dtype=np.float32) if rows.bias is None else rows.bias
        for name, matrix in (("base_inputs", rows.inputs), ("base_outputs", given)):
            self.register_buffer(name, torch.from_numpy(matrix), persistent=False)
        self.register_buffer("base_bias", torch.from_numpy(bias), persistent=False)
        for name, ids in (("input_slots", inputs), ("output_slots", outputs)):
            self.register_buffer(name, _slots(ids, len(given)), persistent=False)
        self.inputs = nn.Parameter(torch.from_numpy(rows.inputs[inputs]))
        if len(outputs):
            self.outputs = nn.Parameter(torch.from_numpy(given[outputs]))
            self.bias = nn.Parameter(torch.from_numpy(bias[outputs]))

    def input_rows(self, ids: torch.Tensor) -> torch.Tensor:
        """float32 (n, width) of ids (n,)."""
        base, slots = self.get_buffer("base_inputs")[ids], self.get_buffer("input_slots")[ids]
        trained = slots >= 0
        return base.index_put((trained.nonzero()[:, 0],), self.inputs[slots[trained]])

    def output_matrix(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Output rows float32 (vocabulary, width) and biases (vocabulary,)."""
        rows, bias = self.get_buffer("base_outputs"), self.get_buffer("base_bias")
        if not len(self._output_ids):
            return rows, bias
        ids = torch.from_numpy(self._output_ids).to(rows.device)
        return rows.index_put((ids,), self.outputs), bias.index_put((ids,), self.bias)

    def output_rows(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Output rows float32 (n, width) and biases (n,) of some ids (n,)."""
        rows, bias = self.get_buffer("base_outputs")[ids], self.get_buffer("base_bias")[ids]
        slots = self.get_buffer("output_slots")[ids]
        trained = slots >= 0
        if not len(self._output_ids) or not bool(trained.any()):
            return rows, bias
        places = (trained.nonzero()[:, 0],)
        used = slots[trained]
        return rows.index_put(places, self.outputs[used]), bias.index_put(places, self.bias[used])

    def sampled_losses(
        self, states: torch.Tensor, tokens: torch.Tensor, sample: SampledSoftmax
    ) -> torch.Tensor:
        """The same as `log_losses`, over some of the vocabulary that stand for all of it."""
        ids, corrections = sample.candidates(tokens)
        rows, bias = self.output_rows(ids)
        return _log_losses(states, rows, bias + corrections, torch.searchsorted(ids, tokens))

    def log_losses(self, states: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Nats (n,) of tokens (n,) after states (n, width); the logits are never all there."""
        rows, bias = self.output_matrix()
        step = max(1, _CHUNK_LOGITS // len(rows))
        parts = [
            checkpoint(_log_losses, states[k : k + step], rows, bias, chosen, use_reentrant=False)
            for k, chosen in _chunks(tokens, step)
        ]
        return torch.cat(parts)

    def made(self) -> Rows:
        """All rows as they are now; those that were given stay as they are."""
        inputs = _replaced(self._rows.inputs, self._input_ids, self.inputs)
        if not len(self._output_ids):
            return replace(self._rows, inputs=inputs)
        given = self._rows.inputs if self._rows.outputs is None else self._rows.outputs
        outputs = _replaced(given, self._output_ids, self.outputs)
        bias = self.get_buffer("base_bias").cpu().numpy()
        bias = _replaced(bias, self._output_ids, self.bias)
        return replace(self._rows, inputs=inputs, outputs=outputs, bias=bias)


def _slots(ids: NDArray[np.int64], n: int) -> torch.Tensor:
    slots = np.full(n, -1, dtype=np.int64)
    slots[ids] = np.arange(len(ids))
    return torch.from_numpy(slots)


def _chunks(tokens: torch.Tensor, step: int) -> Iterator[tuple[int, torch.Tensor]]:
    yield from ((k, tokens[k : k + step]) for k in range(0, len(tokens), step))


def _log_losses(
    states: torch.Tensor, rows: torch.Tensor, bias: torch.Tensor, tokens: torch.Tensor
) -> torch.Tensor:
    logits = functional.linear(states, rows, bias)
    return functional.cross_entropy(logits, tokens, reduction="none")


def _replaced(rows: Floats, ids: NDArray[np.int64], trained: torch.Tensor) -> Floats:
    made = rows.copy()
    made[ids] = trained.detach().cpu().numpy()
    return made
