"""The two sides of the codes: convolutions over frames, which look a bounded time around each.

The paper's are SEANet's, on samples, and learn from discriminators. Here they see and give spectra
(`spectra`), with blocks as in "A ConvNet for the 2020s" (Liu et al., 2022): a convolution along
time for each number by itself, then a perceptron for each frame. Nothing is shared by the frames of
a batch, so that what else is in it makes no difference.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.dm_codec.checks import as_signal
from tokkit.models.dm_codec.config import PARTS, DMCodecConfig
from tokkit.models.dm_codec.spectra import Spectra
from tokkit.quantize.quantizer import Quantizer
from tokkit.quantize.residual import ResidualQuantizer
from tokkit.quantize.vector import VectorQuantizer

TEACHERS = ("speech", "language")
"""Kinds of models that teach; the configuration has the width of each."""

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
            OutputLayer(config.hidden, config.width),
        )


class SpeechDecoder(nn.Sequential):
    """Vectors, float (batch, frames, width), to spectra of 0 or more, as the encoder takes them."""

    def __init__(self, config: DMCodecConfig) -> None:
        super().__init__(
            nn.Linear(config.width, config.hidden),
            *(Block(config) for _ in range(config.layers)),
            nn.LayerNorm(config.hidden),
            OutputLayer(config.hidden, PARTS * config.bins),
            nn.Softplus(beta=_SOFTNESS),
            nn.Unflatten(2, (PARTS, config.bins)),
        )


class SpeechNetwork(nn.Module):
    """What a signal goes through: spectra, vectors, codes, and back.

    Attributes:
        config: its shape.
        spectra: of signals, and back.
        encoder, quantizer, decoder: spectra to vectors, to codes, to spectra.
        teachers: linear maps of vectors to those of the models that teach.
    """

    def __init__(self, config: DMCodecConfig) -> None:
        """Random weights, by torch's generator."""
        super().__init__()
        self.config = config
        self.spectra = Spectra(config)
        self.encoder = SpeechEncoder(config)
        layers: list[Quantizer] = [
            VectorQuantizer(config.width, config.n_codes, decay=config.recipe.decay, commitment=1.0)
            for _ in range(config.depth)
        ]
        self.quantizer = ResidualQuantizer(layers)
        self.decoder = SpeechDecoder(config)
        widths = {name: getattr(config, f"{name}_width") for name in TEACHERS}
        self.teachers = nn.ModuleDict(
            {name: OutputLayer(config.width, width) for name, width in widths.items() if width}
        )

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return self._bias.device

    @property
    def _bias(self) -> torch.Tensor:
        return cast(nn.Linear, self.encoder[-1]).bias

    def framed(self, x: Any) -> torch.Tensor:
        """A signal as whole frames, with silence before and after; float32 (samples,)."""
        signal = as_signal(x)
        n_frames = -(-len(signal) // self.config.hop)
        padded = np.zeros(n_frames * self.config.hop + self.spectra.around, np.float32)
        before = self.spectra.around // 2
        padded[before : before + len(signal)] = signal
        return torch.from_numpy(padded).to(self.device)

    def analysed(self, signals: torch.Tensor) -> torch.Tensor:
        """Spectra of signals (batch, samples), float (batch, frames, parts, bins)."""
        return self.spectra.analyse(signals).to(self._bias.dtype)

    @property
    def started(self) -> bool:
        """Whether the codes come from vectors, and are not those of the beginning."""
        return all(bool(layer.started) for layer in self.quantizer.layers)

    @torch.no_grad()
    def start_codes(self, vectors: torch.Tensor) -> None:
        """Start the codes of each stream from k-means of what the streams before it leave of these.

        Args:
            vectors: float (n, width).
        """
        was_training = self.training
        self.quantizer.train()
        self.quantizer(vectors)
        self.quantizer.train(was_training)
