"""One vector from the places of each unit, whatever their number.

Every kind of pooling is a *partial* result that can be merged with another: of a unit that is still
being written only that is kept, so that a place costs the same however long its unit is, and a unit
has the same vector in every cut of the text.

Attention is that of the published release of "Hierarchical Autoregressive Transformers" (Neitemeier
et al., ICLR 2025; `HATEncoderConnector`): one learned query for all units. With one query the
score of a place is a product with a fixed vector for each head, and values can be projected after
they were summed; so nothing of the width of the backbone is computed for a place. Deviation: the
release rotates the query by the number of the word and the keys by the number of the byte; here
neither is, so that a unit's vector does not depend on how far into a text it stands.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np
import torch
from torch import nn

from tokkit.models.words.segments import Segments

PoolingKind = Literal["attention", "mean", "max"]
Partial = tuple[torch.Tensor, ...]
"""Tensors (segments, ...), what has been pooled so far of each."""

_FAR_BELOW = -1e30
"""Below all scores; differences of two are finite."""


class UnitPooling(nn.Module):
    """Pools the places of segments; `tokkit.models.blocks.stack` draws the parameters."""

    @abstractmethod
    def partial(self, x: torch.Tensor, segments: Segments) -> Partial:
        """Pool the places of each segment.

        Args:
            x: (places, width).
            segments: of places; empty ones give what merges to nothing.
        """

    def nothing(self, x: torch.Tensor) -> Partial:
        """What merges to nothing, of one segment; of the dtype and on the device of `x`."""
        none = torch.zeros(1, dtype=torch.int64, device=x.device)
        return self.partial(x[:0], Segments(none, np.zeros(1, np.int64)))

    @abstractmethod
    def singles(self, x: torch.Tensor) -> Partial:
        """As `partial` of segments of one place each: `x` is (segments, width)."""

    @abstractmethod
    def merge(self, first: Partial, second: Partial) -> Partial:
        """The partial results of segments that stand one after another."""

    @abstractmethod
    def finish(self, partial: Partial) -> torch.Tensor:
        """(segments, out_width), of segments none of which is empty."""


class AttentionPooling(UnitPooling):
    """Cross-attention from one learned query to the places of a unit."""

    def __init__(self, width: int, out_width: int, n_heads: int) -> None:
        """Make the projections.

        Args:
            width: of places.
            out_width: of units; a multiple of `n_heads`.
            n_heads: of the attention.
        """
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Embedding(1, out_width)
        self.key = nn.Linear(width, out_width, bias=False)
        self.value = nn.Linear(width, out_width, bias=False)
        self.out = nn.Linear(out_width, out_width, bias=False)

    def partial(self, x: torch.Tensor, segments: Segments) -> Partial:
        """Highest score (segments, heads), sums of weights (the same) and of weighted places."""
        scores = self._scores(x)
        tops, masses, sums = [], [], []
        for group in segments.groups:
            score = scores[group.places].masked_fill(~group.real[:, :, None], _FAR_BELOW)
            top = score.detach().amax(1)
            weights = (score - top[:, None]).exp() * group.real[:, :, None]
            tops.append(top)
            masses.append(weights.sum(1))
            sums.append(_at_least_float32(weights.to(x.dtype).transpose(1, 2) @ x[group.places]))
        blank = scores.new_zeros(self.n_heads, x.shape[1])
        return (
            segments.in_order(tops, blank[:, 0] + _FAR_BELOW),
            segments.in_order(masses, blank[:, 0]),
            segments.in_order(sums, blank),
        )

    def singles(self, x: torch.Tensor) -> Partial:
        """The place has all the weight."""
        scores = self._scores(x)
        sums = _at_least_float32(x)[:, None].expand(-1, self.n_heads, -1)
        return scores, torch.ones_like(scores), sums

    def merge(self, first: Partial, second: Partial) -> Partial:
        """Weights count from the higher of two highest scores."""
        top = torch.maximum(first[0], second[0])
        a, b = (first[0] - top).exp(), (second[0] - top).exp()
        mass = first[1] * a + second[1] * b
        return top, mass, first[2] * a[:, :, None] + second[2] * b[:, :, None]

    def finish(self, partial: Partial) -> torch.Tensor:
        """Project the means of each head, then all of them."""
        _, mass, total = partial
        means = (total / mass[:, :, None]).to(self.value.weight.dtype)
        values = self.value.weight.view(self.n_heads, -1, total.shape[2])
        pooled = torch.einsum("uhw,hdw->uhd", means, values)
        return self.out(pooled.flatten(1))

    def _scores(self, x: torch.Tensor) -> torch.Tensor:
        """(places, heads)."""
        query = self.query.weight.view(self.n_heads, 1, -1)
        keys = self.key.weight.view(self.n_heads, -1, x.shape[1])
        scored = (query @ keys).squeeze(1) * query.shape[-1] ** -0.5
        return _at_least_float32(x @ scored.T)


class MeanPooling(UnitPooling):
    """The mean of the places of a unit, projected."""

    def __init__(self, width: int, out_width: int) -> None:
        """Make the projection."""
        super().__init__()
        self.out = nn.Linear(width, out_width, bias=False)

    def partial(self, x: torch.Tensor, segments: Segments) -> Partial:
        """Sums (segments, width), and numbers of places (segments, 1)."""
        sums = [
            _at_least_float32(x[group.places].masked_fill(~group.real[:, :, None], 0)).sum(1)
            for group in segments.groups
        ]
        total = segments.in_order(sums, _at_least_float32(x.new_zeros(x.shape[1])))
        return total, torch.from_numpy(segments.lengths).to(total)[:, None]

    def singles(self, x: torch.Tensor) -> Partial:
        """The place, and 1."""
        x = _at_least_float32(x)
        return x, torch.ones_like(x[:, :1])

    def merge(self, first: Partial, second: Partial) -> Partial:
        """Sums and numbers add up."""
        return first[0] + second[0], first[1] + second[1]

    def finish(self, partial: Partial) -> torch.Tensor:
        """Divide and project."""
        return self.out((partial[0] / partial[1]).to(self.out.weight.dtype))


class MaxPooling(UnitPooling):
    """The maximum of each channel over the places of a unit, projected."""

    def __init__(self, width: int, out_width: int) -> None:
        """Make the projection."""
        super().__init__()
        self.out = nn.Linear(width, out_width, bias=False)

    def partial(self, x: torch.Tensor, segments: Segments) -> Partial:
        """Maxima (segments, width)."""
        maxima = [
            x[group.places].masked_fill(~group.real[:, :, None], _FAR_BELOW).amax(1)
            for group in segments.groups
        ]
        return (segments.in_order(maxima, x.new_full((x.shape[1],), _FAR_BELOW)),)

    def singles(self, x: torch.Tensor) -> Partial:
        """The place."""
        return (x,)

    def merge(self, first: Partial, second: Partial) -> Partial:
        """The higher of the two."""
        return (torch.maximum(first[0], second[0]),)

    def finish(self, partial: Partial) -> torch.Tensor:
        """Project."""
        return self.out(partial[0])


def unit_pooling(kind: PoolingKind, width: int, out_width: int, n_heads: int) -> UnitPooling:
    """The pooling of a kind; `n_heads` is for attention."""
    if kind == "attention":
        return AttentionPooling(width, out_width, n_heads)
    return (MeanPooling if kind == "mean" else MaxPooling)(width, out_width)


def _at_least_float32(x: torch.Tensor) -> torch.Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
