"""A published encoder: squares of latents and registers in one transformer, ids by the grid.

FlexTok, section 3.1, in the form of the release: normalisation has no parameters, queries and keys
are normalised, attention is scaled by 8 over the width of a head (maximal update
parametrisation), and layers are gated by SiLU. Squares read each other; a register reads all
squares, and the registers before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from tokkit.arguments import as_array, check_whole
from tokkit.errors import ArgumentError
from tokkit.models.flextok.encoder import attention_mask
from tokkit.models.flextok.patches import cut
from tokkit.models.flextok.release.layout import ReleasedEncoder
from tokkit.quantize.finite_scalar import FiniteScalarQuantizer
from tokkit.tokenizer import Ids, as_id_array


class _Attention(nn.Module):
    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.head_width = head_width
        self.wq, self.wk, self.wv, self.proj = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            layer(x).unflatten(-1, (-1, self.head_width)).transpose(1, 2)
            for layer in (self.wq, self.wk, self.wv)
        )
        q, k = _normed(q), _normed(k)
        found = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, scale=8.0 / self.head_width
        )
        return self.proj(found.transpose(1, 2).flatten(2))


class _Gated(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden, bias=False)
        self.fc2 = nn.Linear(hidden, width, bias=False)
        self.fc3 = nn.Linear(width, hidden, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(functional.silu(self.fc1(x)) * self.fc3(x))


class _Block(nn.Module):
    def __init__(self, layout: ReleasedEncoder) -> None:
        super().__init__()
        self.attn = _Attention(layout.width, layout.head_width)
        self.mlp = _Gated(layout.width, layout.hidden)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(_normed(x), mask)
        return x + self.mlp(_normed(x))


def _normed(x: torch.Tensor) -> torch.Tensor:
    return functional.layer_norm(x, x.shape[-1:])


class ReleasedFlexTok(nn.Module):
    """The encoder of a published FlexTok: it gives the ids of the release, from the same latents.

    Latents are those of the autoencoder that the checkpoint was trained with, the mean or a sample
    of it, times its scaling factor. Neither that autoencoder nor the flow that decodes ids to
    latents is here, so that it is no `Tokenizer` of pictures.

    Attributes:
        layout: its shape.
    """

    def __init__(self, layout: ReleasedEncoder) -> None:
        """Parameters by torch's generator; `reading.read_release` fills them."""
        super().__init__()
        self.layout, width = layout, layout.width
        self.patch_proj = nn.Linear(layout.channels * layout.patch**2, width)
        self.posembs = nn.Parameter(torch.zeros(1, width, *layout.sides), requires_grad=False)
        self.registers = nn.Parameter(torch.randn(layout.n_tokens, width))
        self.blocks = nn.ModuleList(_Block(layout) for _ in range(layout.depth))
        self.proj = nn.Linear(width, len(layout.levels))
        self.quantizer = FiniteScalarQuantizer(layout.levels)

    @property
    def vocab_size(self) -> int:
        """Number of codes."""
        return self.quantizer.vocab_sizes[0]

    @torch.inference_mode()
    def encode_latents(self, latents: Any, *, budget: int | None = None) -> NDArray[np.int64]:
        """The ids of a picture, coarse to fine.

        Args:
            latents: float32 (channels, height, width), of squares up to `layout.sides`.
            budget: at most so many ids.

        Returns:
            int64 (n_tokens,), or fewer by the budget.

        Raises:
            ArgumentError: another shape, numbers that are not finite, or a budget below 1.
        """
        layout = self.layout
        array = as_array(latents, "latents")
        most = tuple(layout.patch * side for side in layout.sides)
        fits = array.ndim == 3 and array.dtype.kind == "f" and array.shape[0] == layout.channels
        if not fits or any(
            not 0 < side <= limit or side % layout.patch
            for side, limit in zip(array.shape[1:], most, strict=True)
        ):
            raise ArgumentError(
                f"latents must be numbers ({layout.channels}, height, width), multiples of "
                f"{layout.patch} up to {most[0]} x {most[1]}, got {array.dtype} {array.shape}"
            )
        if not np.isfinite(array).all():
            raise ArgumentError("the latents hold a number that is not finite")
        if budget is not None:
            check_whole("budget", budget, 1)
        x = torch.from_numpy(array.astype(np.float32)).movedim(0, -1)[None]
        return self.quantizer.encode(self.quantizer.bound(self._vectors(x)))[0, :budget].numpy()

    def _vectors(self, x: torch.Tensor) -> torch.Tensor:
        """Float (1, n_tokens, levels), of latents (1, height, width, channels)."""
        high, wide = (side // self.layout.patch for side in x.shape[1:3])
        places = self.posembs[:, :, :high, :wide].flatten(2).transpose(1, 2)
        squares = self.patch_proj(cut(x, self.layout.patch)) + places
        states = torch.cat([squares, self.registers[None]], 1)
        n = high * wide
        mask = attention_mask(n, self.layout.n_tokens)
        for block in self.blocks:
            states = block(states, mask)
        return self.proj(_normed(states[:, n:]))

    def codes(self, ids: Ids) -> NDArray[np.float32]:
        """What a published decoder reads: points of the grid, float32 (n, levels).

        Raises:
            ArgumentError: ids of another shape, or too many.
            EncodingError: an id outside the grid.
        """
        array = as_id_array(ids, (self.vocab_size,))
        if len(array) > self.layout.n_tokens:
            raise ArgumentError(f"{len(array)} ids, and a picture has {self.layout.n_tokens}")
        return self.quantizer.decode(torch.from_numpy(array)).numpy()
