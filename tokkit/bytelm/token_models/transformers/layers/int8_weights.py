"""Linear layers with int8 weights: `quantize_linears`.

Each output channel has one scale, max |w| / 127, and its weights are rounded to the nearest of 255
multiples of it. Activations are not quantised: they stay bfloat16, so that a row of a product does
not depend on the rows beside it. (torch's `quantize_dynamic` gives all rows of a batch one scale;
stepping and scoring would then differ by much more than rounding. It is deprecated besides.)

A few rows, as one step has them, go through `torch._weight_int8pack_mm`, the kernel under
torchao's weight-only scheme, where this torch has it: it reads a quarter of the bytes of float32.
Many rows are cheaper with the weights converted on the spot. Integers up to 127 are exact in
bfloat16, so both compute the same product.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

_MAX_PACKED_ROWS = 16


class Int8Linear(nn.Module):
    """`nn.Linear` with weights int8 (out, in) and scales bfloat16 (out,)."""

    weight: torch.Tensor
    scale: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        """Quantise the weights of `linear`."""
        super().__init__()
        weight = linear.weight.detach().float()
        scale = (weight.abs().amax(dim=1) / 127).clamp(min=1e-12).bfloat16()
        quantised = torch.round(weight / scale.float()[:, None]).clamp(-127, 127)
        self.register_buffer("weight", quantised.to(torch.int8))
        self.register_buffer("scale", scale)
        # torch's stubs do not say that a layer may have no bias.
        bias = cast("torch.Tensor | None", linear.bias)
        self.register_buffer("bias", None if bias is None else bias.detach().bfloat16())

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """bfloat16 (..., in) to bfloat16 (..., out)."""
        flat = rows.reshape(-1, rows.shape[-1])
        packed = getattr(torch, "_weight_int8pack_mm", None)
        if packed is not None and rows.device.type == "cpu" and len(flat) <= _MAX_PACKED_ROWS:
            out = packed(flat, self.weight, self.scale)
        else:
            out = nn.functional.linear(flat, self.weight.to(flat.dtype)) * self.scale
        if self.bias is not None:
            out = out + self.bias
        return out.reshape(*rows.shape[:-1], -1)


def quantize_linears(model: Any) -> None:
    """Replace every linear layer of a bfloat16 model in place, but for its output head.

    The head is often the embedding, too, and every probability comes out of it.
    """
    head: nn.Module = model.get_output_embeddings()
    modules: list[nn.Module] = list(model.modules())
    for module in modules:
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear) and child is not head:
                setattr(module, name, Int8Linear(child))
