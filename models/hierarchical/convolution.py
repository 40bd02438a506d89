"""A stack of causal convolution blocks, for bytes that need no more than the few before them.

A block is `x + down(silu(gate y) * up y)` with `y` the causal depthwise convolution of the normed
states: the mixing of H3 and Mamba ("Hungry Hungry Hippos", Fu et al., ICLR 2023, section 3: a short
shift convolution), in front of a SwiGLU instead of a state space. It has the interface of
`tokkit.models.blocks.stack.Stack`, and costs neither projections nor scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from tokkit.models.blocks.feed_forward import FeedForward
from tokkit.models.blocks.options import StackConfig


class ConvolutionBlock(nn.Module):
    """Norm, convolution, SwiGLU."""

    def __init__(self, config: StackConfig, kernel: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width, eps=config.norm_eps, bias=False)
        taps = torch.zeros(config.width, 1, kernel)
        taps[..., -1] = 1.0  # at first each byte reads itself
        self.taps = nn.Parameter(taps)
        self.feed_forward = FeedForward(config.width, config.inner_width)

    def forward(self, x: torch.Tensor, before: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One block.

        Args:
            x: float (n, length, width).
            before: float (n, kernel - 1, width), normed states of the places before.

        Returns:
            The states, and those that were normed with what was before them.
        """
        normed = torch.cat([before.to(x.dtype), self.norm(x)], 1)
        return x + self.feed_forward(self._mixed(normed)), normed

    def _mixed(self, normed: torch.Tensor) -> torch.Tensor:
        """The convolution: float (n, length, width), without the first `kernel - 1` places."""
        kernel = self.taps.shape[2]
        if normed.shape[1] == kernel:  # one place: half the time of the general way
            return (normed * self.taps[:, 0].T).sum(1, keepdim=True)
        mixed = functional.conv1d(normed.transpose(1, 2), self.taps, groups=normed.shape[2])
        return mixed.transpose(1, 2)


class ConvolutionStack(nn.Module):
    """Blocks, and a norm behind the last."""

    def __init__(self, config: StackConfig, kernel: int) -> None:
        """Make the blocks.

        Args:
            config: width, layers and inner width.
            kernel: places that each reads, its own included.
        """
        super().__init__()
        self.config, self._kernel = config, kernel
        self.blocks = nn.ModuleList(
            ConvolutionBlock(config, kernel) for _ in range(config.n_layers)
        )
        self.norm = nn.LayerNorm(config.width, eps=config.norm_eps, bias=False)

    @property
    def layers(self) -> list[ConvolutionBlock]:
        """The blocks, with their type."""
        return cast("list[ConvolutionBlock]", list(self.blocks))

    def start_cache(self) -> torch.Tensor:
        """The cache of no text: float (n_layers, kernel - 1, width), normed states."""
        return self.norm.weight.new_zeros(self.config.n_layers, self._kernel - 1, self.config.width)

    def forward(
        self, x: torch.Tensor, *, added: Sequence[torch.Tensor] | None = None
    ) -> torch.Tensor:
        """States of whole texts; as `Stack.forward`."""
        before = x.new_zeros(len(x), self._kernel - 1, x.shape[2])
        for number, block in enumerate(self.layers):
            x, _ = block(x if added is None else x + added[number], before)
        return self.norm(x)

    def extend(
        self,
        x: torch.Tensor,
        lengths: Sequence[int],
        caches: Sequence[torch.Tensor],
        *,
        added: Sequence[torch.Tensor] | None = None,
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """States of texts that go on; as `Stack.extend`."""
        before = torch.stack(list(caches), 1)
        normed: list[torch.Tensor] = []
        for number, block in enumerate(self.layers):
            x, kept = block(x if added is None else x + added[number], before[number])
            normed.append(kept)
        held = torch.stack(normed)
        reach = self._kernel - 1
        later = [held[:, k, length : length + reach].clone() for k, length in enumerate(lengths)]
        return self.norm(x), later
