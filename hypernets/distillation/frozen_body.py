"""The layers between the two matrices of the vocabulary, frozen: what teacher and student share."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokkit.hypernets.plain_models.source_models import SourceModel

if TYPE_CHECKING:
    import torch


def fast_dtype(device: str, own: torch.dtype) -> torch.dtype:
    """The type in which layers are fastest: bfloat16 where a processor multiplies it."""
    import torch

    if own != torch.float32:
        return own
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else own
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # torch has no public one
    return torch.bfloat16 if device == "cpu" and probe is not None and probe() else own


class FrozenBody:
    """A copy of a causal model whose output is what its output matrix would be given.

    Attributes:
        device: of its weights.
        dtype: of its weights.
        width: of its input rows.
    """

    def __init__(self, source: SourceModel, dtype: torch.dtype) -> None:
        """Copy the model, which stays as it is."""
        import torch

        model = copy.deepcopy(source.model).requires_grad_(False).eval()
        head = torch.nn.Identity()
        head.register_buffer("weight", torch.empty(0, dtype=model.dtype))  # some ask for its type
        model.set_output_embeddings(head)
        self._model = model.to(dtype)
        self._embedding = self._model.get_input_embeddings()
        self._embedding.padding_idx = None  # rows of other ids go through it
        self._rows = self._embedding.weight
        self.device = self._rows.device
        self.dtype = dtype
        self.width = int(self._rows.shape[1])

    def old_inputs(self, ids: torch.Tensor) -> torch.Tensor:
        """What the layers read for old ids (batch, length): (batch, length, width)."""
        return self._embedding(ids)

    def inputs(self, rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The same for rows (n, width) that are picked by their places (batch, length)."""
        from torch.func import functional_call

        return functional_call(self._embedding, {"weight": rows.to(self.dtype)}, (places,))

    def states(self, inputs: torch.Tensor, **options: Any) -> torch.Tensor:
        """Last hidden states (batch, length, width), float32.

        Padding stands at the end, where a causal model never looks back at it.
        """
        return self._model(inputs_embeds=inputs, use_cache=False, **options).logits.float()


def padded(
    sequences: Sequence[Sequence[int] | NDArray[np.int64]], device: torch.device
) -> torch.Tensor:
    """int64 (n, longest): ids, with zeros behind them."""
    import torch

    width = max(map(len, sequences))
    ids = torch.zeros((len(sequences), width), dtype=torch.long)
    for row, each in enumerate(sequences):
        ids[row, : len(each)] = torch.as_tensor(each)
    return ids.to(device)
