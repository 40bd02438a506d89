"""The flow decoder: draws a picture that looks real, and that the ids fit.

FlexTok, section 3.3: a rectified flow ("Flow Straight and Fast", Liu et al., 2022) goes from noise
to pictures on lines, x_t = (1 - t) x + t noise, and a transformer over squares of x_t and over
codes predicts the direction, noise - x. Its layers are scaled and shifted by the time, and open
slowly ("Scalable Diffusion Models with Transformers", Peebles & Xie, 2022, section 3.2,
adaLN-Zero).

Codes that are absent are hidden from attention; the release puts a learned row in their place.
Guidance ("Classifier-Free Diffusion Guidance", Ho & Salimans, 2022) hides all of them. Other than
in the paper, the squares of the expected picture (`mean_decoder`) stand beside those of x_t, so
that a small network has to learn only what is missing from it; without ids that is the mean of all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.blocks.rotary import rotation
from tokkit.models.blocks.stack import Stack
from tokkit.models.flextok.config import FlexTokConfig
from tokkit.models.flextok.patches import cut, join

_TIME_COLUMNS = 64
_LONGEST_WAVE = 1000.0
"""Of the times' sines, relative to the shortest."""
_DEVIATION = 0.1


class FlowDecoder(nn.Module):
    """Directions from pictures with noise to noise, given codes."""

    def __init__(self, config: FlexTokConfig) -> None:
        """Draw the parameters from torch's generator."""
        super().__init__()
        self.config = config
        width, side = config.flow.width, config.flow_patch
        numbers = side**2 * config.channels
        self.input = nn.Linear(2 * numbers, width)
        self.codes = nn.Linear(len(config.levels), width)
        self.time = nn.Linear(_TIME_COLUMNS, width)
        self.stack = Stack(config.flow, norm=False)
        n_places = config.n_numbers // numbers + config.n_tokens
        self.places = nn.Parameter(_DEVIATION * torch.randn(n_places, width))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(width, (6 * config.flow.n_layers + 2) * width)
        self.output = OutputLayer(width, numbers)
        for layer in (self.modulation, self.output):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        noisy: torch.Tensor,
        times: torch.Tensor,
        expected: torch.Tensor,
        codes: torch.Tensor,
        lengths: torch.Tensor,
    ) -> torch.Tensor:
        """Directions, of the shape of `noisy`.

        Args:
            noisy: float (n, height, width, channels).
            times: float (n,), from 0 (a picture) to 1 (noise).
            expected: float (n, height, width, channels), by the codes that are there.
            codes: float (n, n_tokens, columns); those that are absent may be anything finite.
            lengths: int64 (n,), how many are there, 0 for none.
        """
        side, shape = self.config.flow_patch, self.config.shape
        squares = self.input(torch.cat([cut(noisy, side), cut(expected, side)], -1))
        n_squares, device = squares.shape[1], noisy.device
        x = torch.cat([squares, self.codes(codes)], 1) + self.places
        ones = torch.ones(len(x), n_squares, dtype=torch.bool, device=device)
        there = torch.arange(codes.shape[1], device=device) < lengths[:, None]
        mask = torch.cat([ones, there], 1)[:, None, None]
        x = self._through(x, self._modulations(times, x.dtype), mask)
        return join(self.output(x[:, :n_squares]), side, shape)

    def _modulations(self, times: torch.Tensor, dtype: torch.dtype) -> Sequence[torch.Tensor]:
        """Six for each layer and two at the end, float (n, 1, width) each."""
        waves = torch.arange(_TIME_COLUMNS // 2, device=times.device) / (_TIME_COLUMNS // 2)
        angles = times[:, None].double() * _LONGEST_WAVE * _LONGEST_WAVE ** (-waves)
        columns = torch.cat([angles.cos(), angles.sin()], 1).to(dtype)
        all_of_them = self.modulation(functional.silu(self.time(columns)))[:, None]
        return all_of_them.split(self.config.flow.width, -1)

    def _through(
        self, x: torch.Tensor, by: Sequence[torch.Tensor], mask: torch.Tensor
    ) -> torch.Tensor:
        places = torch.arange(x.shape[1], device=x.device)
        config = self.config.flow
        at = rotation(places, config.head_width, config.rope_base, x.dtype)
        for number, block in enumerate(self.stack.layers):
            own = by[6 * number : 6 * number + 6]
            normed = block.attention_norm(x) * (1 + own[0]) + own[1]
            x = x + own[2] * block.attention(normed, at, mask, causal=False)
            normed = block.feed_forward_norm(x) * (1 + own[3]) + own[4]
            x = x + own[5] * block.feed_forward(normed)
        return self.norm(x) * (1 + by[-2]) + by[-1]


def flow_times(n: int, device: torch.device) -> torch.Tensor:
    """Times to learn at, float (n,): most in the middle, as a normal variable is squashed.

    "Scaling Rectified Flow Transformers" (Esser et al., 2024, section 3.1, logit-normal).
    """
    return torch.randn(n).sigmoid().to(device)


def draw_pictures(
    flow: FlowDecoder,
    noise: torch.Tensor,
    expected: torch.Tensor,
    expected_without: torch.Tensor,
    codes: torch.Tensor,
    lengths: torch.Tensor,
) -> torch.Tensor:
    """Pictures, by Heun's method along the flow with guidance.

    Args:
        flow: predicts directions.
        noise: float (n, height, width, channels), drawn by the caller.
        expected: float (n, height, width, channels), by the codes that are there.
        expected_without: the same by none.
        codes: float (n, n_tokens, columns).
        lengths: int64 (n,).
    """
    steps, guidance = flow.config.flow_steps, flow.config.guidance

    def direction(x: torch.Tensor, time: float) -> torch.Tensor:
        times = x.new_full((len(x),), time)
        with_codes = flow(x, times, expected, codes, lengths)
        if math.isclose(guidance, 1):
            return with_codes
        without = flow(x, times, expected_without, codes, torch.zeros_like(lengths))
        return without + guidance * (with_codes - without)

    x = noise
    for step in range(steps):
        time, after = 1 - step / steps, 1 - (step + 1) / steps
        here = direction(x, time)
        if step == steps - 1:
            return x + (after - time) * here
        there = direction(x + (after - time) * here, after)
        x = x + (after - time) * (here + there) / 2
    raise AssertionError("there is a last step")
