"""The feed-forward layer: SwiGLU ("GLU Variants Improve Transformer", Shazeer, 2020)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class FeedForward(nn.Module):
    """`down(silu(gate(x)) * up(x))`, without biases."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_up = nn.Linear(width, 2 * inner, bias=False)
        self.out = nn.Linear(inner, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Float (..., width), of the same shape."""
        gate, up = self.gate_up(x).chunk(2, -1)
        return self.out(functional.silu(gate) * up)
