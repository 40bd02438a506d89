"""Linear layers in oneDNN's blocked layout: `pack_linears`.

A product of a few rows with a weight matrix, as one step of a model has them, is bound by reading
the weights. Two things are wrong with `nn.Linear` there, on the CPU in float32: four rows take
longer than one, and one to three rows sum in another order than more do, so that a step and a pass
over many tokens differ by rounding. Weights that are packed in advance, as torch's compiler packs
them, cost one to four rows about the same. They run in blocks of as many rows as were found to
agree on this processor (`tokkit.bytelm.token_models.transformers.layers.row_blocks`), so a row
comes out the same bit for bit whatever stands beside it.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from tokkit.bytelm.token_models.transformers.layers.row_blocks import (
    SIZES,
    agreeing_sizes,
    multiply_in_blocks,
    with_most_rows,
)

_ROWS = 64  # for how many rows the layout is chosen

SizesByShape = dict[tuple[int, int, int, bool], tuple[int, ...]]
"""Outputs, inputs, threads, and whether most rows were tried, to the numbers of rows that agree."""


def can_pack(model: Any) -> bool:
    """Whether a model is in float32 on the CPU, and this torch has the operators.

    They are not part of its documented interface.
    """
    operators: Any = torch.ops.mkldnn
    return (
        model.device.type == "cpu"
        and model.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and hasattr(operators, "_reorder_linear_weight")
        and hasattr(operators, "_linear_pointwise")
    )


class PackedLinear(nn.Module):
    """`nn.Linear` for inference in float32 on the CPU.

    The weights have the shape (out, in) of the original, and neither move nor save.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None

    def __init__(
        self,
        weight: torch.Tensor,
        bias: torch.Tensor | None = None,
        *,
        known: SizesByShape | None = None,
    ) -> None:
        """Pack a copy of the weights.

        Args:
            weight: float32 (out, in).
            bias: float32 (out,).
            known: numbers of rows that agree, found by other layers of the model.
        """
        super().__init__()
        operators = cast(Any, torch.ops.mkldnn)
        self.n_outputs, self.n_inputs = weight.shape
        packed = operators._reorder_linear_weight(weight.detach(), _ROWS)
        self.register_buffer("weight", packed, persistent=False)
        self.register_buffer("bias", None if bias is None else bias.detach())
        self._operator = operators._linear_pointwise
        # Zeros sum to the same in every order, which is true of no other layer.
        self._tells = 2 * int(weight.count_nonzero()) > weight.numel()
        self._known: SizesByShape = {} if known is None else known
        self._sizes: dict[tuple[int, bool], tuple[int, ...]] = {}

    def sizes(self, n: int = 1) -> tuple[int, ...]:
        """The numbers of rows that agree, with as many threads as torch has now.

        The largest of all is tried when a product of so many rows, or more, is asked for.
        """
        key = (torch.get_num_threads(), n >= SIZES[0])
        if key not in self._sizes:
            self._sizes[key] = self._found(*key)
        return self._sizes[key]

    def _found(self, n_threads: int, most: bool) -> tuple[int, ...]:
        """The sizes, with or without the largest of all; or what other layers found."""
        key = (self.n_outputs, self.n_inputs, n_threads, most)
        found = self._known.get(key)
        if found is None:
            with torch.inference_mode():
                if most:
                    found = with_most_rows(self._multiply, self.n_inputs, self.sizes())
                else:
                    found = agreeing_sizes(self._multiply, self.n_inputs, self.n_outputs)
            if self._tells:
                self._known[key] = found
        return found

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """float32 (..., in) to float32 (..., out)."""
        n = rows.numel() // self.n_inputs
        sizes = self.sizes(n)
        if n in sizes:
            return self._multiply(rows)
        flat = rows.reshape(-1, self.n_inputs)
        product = multiply_in_blocks(self._multiply, flat, sizes)
        return product.view(*rows.shape[:-1], self.n_outputs)

    def _multiply(self, rows: torch.Tensor) -> torch.Tensor:
        return self._operator(rows, self.weight, self.bias, "none", [], "")


def pack_linears(model: Any) -> None:
    """Replace every linear layer of a model in place.

    An output head that shares its weights with the embedding gets a packed copy, which costs its
    size in memory. How many rows agree is found here, once for each shape.
    """
    modules: list[nn.Module] = list(model.modules())
    known: SizesByShape = {}
    for module in modules:
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                weight = child.weight
            elif type(child) is Conv1D:  # GPT-2's: the same with the weights transposed
                weight = cast(torch.Tensor, child.weight).T.contiguous()
            else:
                continue
            # torch's stubs do not say that a layer may have no bias.
            packed = PackedLinear(weight, cast("torch.Tensor | None", child.bias), known=known)
            packed.sizes()
            setattr(module, name, packed)
