"""The two sides of the codes: convolutions over frames, which look a bounded time around each.

The paper's are SEANet's, on samples, and learn from discriminators. Here they see and give spectra
(`spectra`), with blocks as in "A ConvNet for the 2020s" (Liu et al., 2022): a convolution along
time for each number by itself, then a perceptron for each frame. Nothing is shared by the frames of
a batch, so that what else is in it makes no difference.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tokkit.models.dm_codec.config import PARTS, DMCodecConfig

_WIDER = 2
_SOFTNESS = 20.0
"""Of the bend at 0 of what the decoder gives."""


class Block(nn.Module):
    """Float (batch, frames, hidden) to the same."""

    def __init__(self, config: DMCodecConfig) -> None:
        super().__init__()
        hidden, kernel = config.hidden, config.kernel
        self.over_time = nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2, groups=hidden)
        self.norm = nn.LayerNorm(hidden)
        self.inner = nn.Linear(hidden, _WIDER * hidden)
        self.outer = nn.Linear(_WIDER * hidden, hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What is there, and what its surroundings add."""
        seen = self.over_time(x.transpose(1, 2)).transpose(1, 2)
        return x + self.outer(functional.gelu(self.inner(self.norm(seen))))


class SpeechEncoder(nn.Sequential):
    """Spectra, float (batch, frames, PARTS, bins), to vectors, float (batch, frames, width)."""

    def __init__(self, config: DMCodecConfig) -> None:
        super().__init__(
            nn.Flatten(2),
            nn.Linear(PARTS * config.bins, config.hidden),
            *(Block(config) for _ in range(config.layers)),
            nn.LayerNorm(config.hidden),
            nn.Linear(config.hidden, config.width),
        )


class SpeechDecoder(nn.Sequential):
    """Vectors, float (batch, frames, width), to spectra of 0 or more, as the encoder takes them."""

    def __init__(self, config: DMCodecConfig) -> None:
        super().__init__(
            nn.Linear(config.width, config.hidden),
            *(Block(config) for _ in range(config.layers)),
            nn.LayerNorm(config.hidden),
            nn.Linear(config.hidden, PARTS * config.bins),
            nn.Softplus(beta=_SOFTNESS),
            nn.Unflatten(2, (PARTS, config.bins)),
        )
