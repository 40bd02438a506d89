"""The picture that is expected after the first ids, by which distortion is measured.

The paper decodes by a flow alone, whose pictures are drawn; their mean, which is nearest to the
picture that was encoded, would take many of them. Here a network of its own gives that mean: rows
of the codes that are there are added up, so that a code that is absent adds nothing, a row tells
how many there are, and a multilayer perceptron reads the sum. Without any id it starts as the mean
of all pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.flextok.config import FlexTokConfig


class MeanDecoder(nn.Module):
    """Codes to pictures, by the mean."""

    mean: torch.Tensor

    def __init__(self, config: FlexTokConfig) -> None:
        """Draw the parameters from torch's generator."""
        super().__init__()
        hidden, self.shape = config.hidden, config.shape
        self.rows = nn.Parameter(torch.randn(config.n_tokens, len(config.levels), hidden) / 2)
        self.lengths = nn.Parameter(torch.randn(config.n_tokens + 1, hidden) / 4)
        self.first = nn.Linear(hidden, hidden)
        self.layers = nn.ModuleList(_Layer(hidden) for _ in range(config.depth))
        self.norm = nn.LayerNorm(hidden)
        self.output = OutputLayer(hidden, config.n_numbers)
        nn.init.normal_(self.output.weight, 0, 0.02)
        nn.init.zeros_(self.output.bias)
        self.register_buffer("mean", torch.zeros(config.n_numbers))

    def forward(self, codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Pictures, each by the first codes of its own.

        Args:
            codes: float (n, n_tokens, columns); those that are absent may be anything finite.
            lengths: int64 (n,), how many are there.

        Returns:
            float (n, height, width, channels), about -1 to 1.
        """
        there = torch.arange(codes.shape[1], device=codes.device) < lengths[:, None]
        codes = codes * there[..., None]
        return self.read(codes.flatten(1) @ self.rows.flatten(0, 1) + self.lengths[lengths])

    def prefixes(self, codes: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Pictures by several numbers of codes, all at once.

        Args:
            codes: float (n, n_tokens, columns).
            lengths: increasing.

        Returns:
            float (lengths, n, height, width, channels).
        """
        return self.read(self.sums(codes, lengths))

    def sums(self, codes: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """What is read of the first codes, float (lengths, n, hidden); see `prefixes`."""
        sums: list[torch.Tensor] = []
        total, before = self.rows.new_zeros(()), 0
        for length in lengths:
            part = codes[:, before:length].flatten(1)
            total = total + part @ self.rows[before:length].flatten(0, 1)
            sums.append(total + self.lengths[length])
            before = length
        return torch.stack(sums)

    def read(self, sums: torch.Tensor) -> torch.Tensor:
        """Pictures, float (..., height, width, channels), of sums (..., hidden)."""
        states = sums + self.first(functional.gelu(sums))
        for layer in self.layers:
            states = layer(states)
        return (self.output(self.norm(states)) + self.mean).unflatten(-1, self.shape)


class _Layer(nn.Module):
    """A residual layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        nn.init.normal_(self.out.weight, 0, 0.01)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.out(functional.gelu(self.inner(self.norm(x))))
