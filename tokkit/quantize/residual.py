"""Residual quantisation: each code says what the codes before it left out.

"SoundStream" (Zeghidour et al., 2021, section III.C): stream k quantises the difference of a vector
to the sum of what the first k streams decode to, so that the first streams alone give a coarser
vector. Quantiser dropout trains for it: some vectors keep only a random number of streams.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from tokkit.arguments import check_kind, check_real, check_whole
from tokkit.errors import ArgumentError, EncodingError
from tokkit.quantize.quantizer import Quantized, Quantizer, as_ids, as_whole

ABSENT = -1
"""In the place of the code of a stream that was left out."""


class ResidualQuantizer(Quantizer):
    """Quantisers of one stream and one width, one after the other.

    A code that is absent adds nothing. Absent codes stand behind those that are there.

    Attributes:
        layers: the quantisers.
        drop: share of the vectors of a batch that keep a random number of streams, in training.
    """

    def __init__(self, layers: Sequence[Quantizer], *, drop: float = 0.0) -> None:
        """Put quantisers after one another.

        Raises:
            ArgumentError: none, of several streams or different widths; a share out of range.
        """
        super().__init__()
        kinds = {(each.width, len(each.vocab_sizes)) for each in layers}
        if len(kinds) != 1 or next(iter(kinds))[1] != 1:
            raise ArgumentError(
                "layers must be quantisers of one stream each and one width; got "
                f"{sorted(kinds)} as (width, streams)"
            )
        if not 0 <= check_real("drop", drop) <= 1:
            raise ArgumentError(f"drop must be from 0 to 1, got {drop!r}")
        self.layers = nn.ModuleList(layers)
        self.drop = drop
        self.width = layers[0].width
        self.vocab_sizes = tuple(each.vocab_sizes[0] for each in layers)

    @property
    def _layers(self) -> list[Quantizer]:
        return [cast(Quantizer, each) for each in self.layers]

    def forward(self, x: Tensor, *, depths: Tensor | None = None) -> Quantized:
        """Quantise vectors, float (..., width); ids (..., streams), -1 where one was dropped.

        Args:
            x: float (..., width).
            depths: int64 (...), how many streams of each vector to keep, in place of a draw.

        Raises:
            ArgumentError: as `encode`, or depths that are no such numbers.
        """
        rows = self.checked(x).reshape(-1, self.width)
        if depths is None:
            depths = self._depths(len(rows))
        else:
            depths = self._checked_depths(depths, x.shape[:-1])
        depths = depths.to(x.device)
        total, loss = torch.zeros_like(rows), x.new_zeros(())
        ids = torch.full((len(rows), len(self.layers)), ABSENT, device=x.device)
        for k, layer in enumerate(self._layers):
            kept = torch.nonzero(depths > k)[:, 0]
            found = layer(rows[kept] - total[kept])
            ids[kept, k] = found.ids
            total = total.index_add(0, kept, found.values.detach().to(total.dtype))
            loss = loss + found.loss * (len(kept) / max(len(rows), 1))
        values = rows + (total - rows).detach()
        return Quantized(
            values.reshape(x.shape), ids.reshape(*x.shape[:-1], len(self.layers)), loss
        )

    def _depths(self, n: int) -> Tensor:
        most = len(self.layers)
        if not self.training or not self.drop:
            return torch.full((n,), most)
        drawn = torch.randint(1, most + 1, (n,))
        return torch.where(torch.rand(n) < self.drop, drawn, most)

    def _checked_depths(self, depths: Tensor, shape: torch.Size) -> Tensor:
        most = len(self.layers)
        whole = not (depths.is_floating_point() or depths.is_complex())
        if not whole or depths.shape != shape or bool(((depths < 1) | (depths > most)).any()):
            raise ArgumentError(
                f"depths must be whole numbers from 1 to {most} of the shape {tuple(shape)}, got "
                f"{depths.dtype} {tuple(depths.shape)}"
            )
        return depths.reshape(-1)

    def encode(self, x: Tensor, *, depth: int | None = None) -> Tensor:
        """The nearest code of each residual, int64 (..., streams).

        Args:
            x: float (..., width).
            depth: only so many streams; None for all.

        Raises:
            ArgumentError: see `Quantizer.encode`; a depth below 1 or above the number of streams.
        """
        n = len(self.layers) if depth is None else check_whole("depth", depth, 1, len(self.layers))
        left, ids = self.checked(x), list[Tensor]()
        for layer in self._layers[:n]:
            ids.append(layer.encode(left))
            left = left - layer.decode(ids[-1])
        return torch.stack(ids, -1)

    def decode(self, ids: Tensor) -> Tensor:
        """The sum of what the codes that are there stand for, float (..., width).

        Args:
            ids: int64 (..., depth), of the first streams; -1 for a code that is absent.

        Raises:
            ArgumentError: no ids, or of more streams than there are.
            EncodingError: an id outside the codes, or an absent one before one that is there.
        """
        check_kind(ids, Tensor, "ids")
        if not ids.ndim or not 1 <= ids.shape[-1] <= len(self.layers):
            raise ArgumentError(
                f"ids must be of the shape (..., 1 to {len(self.layers)}), got {tuple(ids.shape)}"
            )
        ids = as_whole(ids)
        there = ids != ABSENT
        if bool((there[..., 1:] & ~there[..., :-1]).any()):
            raise EncodingError("a code follows one that is absent (-1); expected it to be, too")
        parts: list[Tensor] = []
        for k, layer in enumerate(self._layers[: ids.shape[-1]]):
            own = ids[..., k]
            as_ids(own[there[..., k]], self.vocab_sizes[k])
            values = layer.decode(own.clamp(min=0))
            parts.append(values * there[..., k, None])
        return torch.stack(parts).sum(0)

    def soft_assign(self, x: Tensor, *, temperature: float = 1.0) -> Tensor:
        """Log-probabilities, float (..., streams, most codes); -inf where a stream has fewer."""
        most, left, parts = max(self.vocab_sizes), self.checked(x), list[Tensor]()
        for layer in self._layers:
            own = layer.soft_assign(left, temperature=temperature)
            gap = most - own.shape[-1]
            parts.append(nn.functional.pad(own, (0, gap), value=-torch.inf))
            left = left - layer.decode(layer.encode(left))
        return torch.stack(parts, -2)
