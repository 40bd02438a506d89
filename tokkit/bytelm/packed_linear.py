"""Linear layers in oneDNN's blocked layout: `pack_linears`.

A product of a few rows with a weight matrix, as one step of a model has them, is bound by reading
the weights. Two things are wrong with `nn.Linear` there, on the CPU in float32: four rows take
longer than one, and one to three rows sum in another order than more do, so that a step and a pass
over many tokens differ by rounding. Weights that are packed in advance, as torch's compiler packs
them, cost one to four rows about the same, and a row comes out the same bit for bit whatever stands
beside it.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

_ROWS = 64  # for how many rows the layout is chosen


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

    def __init__(self, linear: nn.Linear) -> None:
        """Pack a copy of the weights of `linear`."""
        super().__init__()
        operators = cast(Any, torch.ops.mkldnn)
        packed = operators._reorder_linear_weight(linear.weight.detach(), _ROWS)
        self.register_buffer("weight", packed, persistent=False)
        # torch's stubs do not say that a layer may have no bias.
        bias = cast("torch.Tensor | None", linear.bias)
        self.register_buffer("bias", None if bias is None else bias.detach())
        self._multiply = operators._linear_pointwise

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """float32 (..., in) to float32 (..., out)."""
        return self._multiply(rows, self.weight, self.bias, "none", [], "")


def pack_linears(model: Any) -> None:
    """Replace every linear layer of a model in place.

    An output head that shares its weights with the embedding gets a packed copy, which costs its
    size in memory.
    """
    modules: list[nn.Module] = list(model.modules())
    for module in modules:
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, PackedLinear(child))
