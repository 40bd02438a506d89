"""The encoder: squares of a picture and registers in one transformer; registers become codes.

FlexTok, section 3.1. Squares read each other, and no register. A register reads all squares and the
registers before it (a causal mask), so that the first codes do not depend on how many follow.

Three additions make it learn in minutes. A register starts from what a perceptron over the whole
picture says to it, so that it need not be found by attention first. What is squashed has been
brought to one deviation, column by column (batch normalisation, by the running figures once it is
trained), so that all levels are in use from the first step. And registers read each other before
they are rounded to the grid, so that a later one cannot make good what rounding has lost: so each
is told what the codes before it have left out of the picture (`Feedback`), as in residual
quantisation.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.blocks.stack import Stack
from tokkit.models.flextok.config import FlexTokConfig
from tokkit.models.flextok.patches import cut

_DEVIATION = 0.1
"""Of rows of places and registers at the start."""
_MOMENTUM = 0.05
"""Of the running mean and deviation of what is squashed."""


class RegisterEncoder(nn.Module):
    """Pictures to vectors, one of each register."""

    mask: torch.Tensor

    def __init__(self, config: FlexTokConfig) -> None:
        """Draw the parameters from torch's generator."""
        super().__init__()
        self.side, width = config.patch, config.encoder.width
        n_squares = config.n_numbers // (self.side**2 * config.channels)
        self.input = nn.Linear(self.side**2 * config.channels, width)
        self.whole = nn.Linear(config.n_numbers, config.whole)
        self.starts = nn.Linear(config.whole, config.n_tokens * width)
        self.stack = Stack(config.encoder)
        self.places = nn.Parameter(_DEVIATION * torch.randn(n_squares, width))
        self.registers = nn.Parameter(_DEVIATION * torch.randn(config.n_tokens, width))
        self.output = OutputLayer(width, len(config.levels))
        self.norm = nn.BatchNorm1d(
            config.n_tokens * len(config.levels), affine=False, momentum=_MOMENTUM
        )
        self.spread = config.spread
        self.register_buffer("mask", attention_mask(n_squares, config.n_tokens), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Vectors that are not bounded yet.

        Args:
            x: float (n, height, width, channels), from -1 to 1.

        Returns:
            float (n, n_tokens, columns).
        """
        squares = self.input(cut(x, self.side)) + self.places
        starts = self.starts(functional.gelu(self.whole(x.flatten(1))))
        registers = self.registers + starts.unflatten(1, self.registers.shape)
        states = self.stack(torch.cat([squares, registers], 1), causal=False, mask=self.mask)
        vectors = self.output(states[:, squares.shape[1] :])
        return self.spread * self.norm(vectors.flatten(1)).view_as(vectors)


class Feedback(nn.Module):
    """What a register adds to its vector when it sees what the codes before it have left out."""

    def __init__(self, config: FlexTokConfig) -> None:
        """Draw the parameters from torch's generator; nothing is added yet."""
        super().__init__()
        hidden = config.feedback
        self.input = nn.Linear(config.n_numbers, hidden)
        self.rows = nn.Parameter(_DEVIATION * torch.randn(config.n_tokens, hidden))
        self.output = nn.Parameter(torch.zeros(config.n_tokens, hidden, len(config.levels)))

    def forward(self, left: torch.Tensor, place: int) -> torch.Tensor:
        """Float (n, columns).

        Args:
            left: float (n, height, width, channels), the picture less what the codes before decode
                to.
            place: of the register, from 1.
        """
        hidden = functional.gelu(self.input(left.flatten(1)) + self.rows[place])
        return hidden @ self.output[place]


def attention_mask(n_squares: int, n_registers: int) -> torch.Tensor:
    """Who reads whom, bool (squares + registers, squares + registers).

    >>> attention_mask(1, 2).int().tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    mask = torch.ones(n_squares + n_registers, n_squares + n_registers, dtype=torch.bool).tril()
    mask[:n_squares, :n_squares] = True
    return mask
