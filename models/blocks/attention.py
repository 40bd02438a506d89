"""Multi-head attention with rotary positions, in the five shapes that the models need.

- `forward`: whole sequences, causal or not.
- `local`: causal within a sliding window, computed in blocks, so that the cost grows with the
  window and not with the square of the length.
- `extend`: texts that go on after their caches.
- `branch`: leaves of a few places that go on from somewhere in a cached text, each by itself.
- `packed`: many short sequences without padding, those of a length together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from tokkit.models.blocks.groups import Groups, in_groups
from tokkit.models.blocks.kv_cache import KVCache
from tokkit.models.blocks.options import StackConfig
from tokkit.models.blocks.rotary import Rotation, rotated

_SCORES = 1 << 23
"""Of leaves and places, in all heads, that are held at once."""
_QUERIES = 128
"""That read what is before them at once, so that half of the products are left out."""


class Attention(nn.Module):
    """Multi-head attention ("Attention Is All You Need", section 3.2), without biases."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self._n_heads = config.n_heads
        self._scale = 1 / math.sqrt(config.head_width)
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)

    def forward(
        self, x: torch.Tensor, at: Rotation, mask: torch.Tensor | None, *, causal: bool
    ) -> torch.Tensor:
        """Attention within sequences.

        Args:
            x: float (n, length, width).
            at: rotation of the places.
            mask: bool (..., length, length) or broadcast, who may attend to whom; None: all.
            causal: whether only to places before, where there is no mask.
        """
        query, key, value = self._projected(x, at)
        if causal and mask is None:
            return self._joined(_causal(query, key, value))
        read = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self._joined(read)

    def local(self, x: torch.Tensor, at: Rotation, mask: torch.Tensor) -> torch.Tensor:
        """Attention of each block of places to itself and the block before.

        Args:
            x: float (n, n_blocks * size, width).
            at: rotation of the places.
            mask: bool (n_blocks, 1, size, 2 * size), from `local_mask`.
        """
        n_blocks, _, size, _ = mask.shape
        query, key, value = (
            each.unflatten(2, (n_blocks, size)).transpose(1, 2)  # (n, n_blocks, heads, size, dim)
            for each in self._projected(x, at)
        )
        key, value = (
            torch.cat([functional.pad(each[:, :-1], (0, 0, 0, 0, 0, 0, 1, 0)), each], 3)
            for each in (key, value)
        )
        read = _read(query, key, value, ~mask)
        return self._joined(read.transpose(1, 2).flatten(2, 3))

    def extend(
        self,
        x: torch.Tensor,
        at: Rotation,
        mask: torch.Tensor | None,
        lengths: Sequence[int],
        caches: Sequence[KVCache],
        layer: int,
    ) -> torch.Tensor:
        """Attention of new places to their text so far; their keys and values are written.

        Args:
            x: float (n, longest, width).
            at: rotation of the new places, (n, 1, longest, head_width / 2).
            mask: bool (n, 1, longest, most_kept); None: each attends to all that is kept.
            lengths: new places of each text.
            caches: of each, with room for them.
            layer: which one of the stack this is.
        """
        query, key, value = self._projected(x, at)
        for place, (length, cache) in enumerate(zip(lengths, caches, strict=True)):
            cache.write(layer, key[place, :, :length], value[place, :, :length])
        held = [cache.read(layer) for cache in caches]
        keys, values = (_stacked([each[part] for each in held]) for part in (0, 1))
        read = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return self._joined(read)

    def branch(
        self,
        x: torch.Tensor,
        at: Rotation,
        after: torch.Tensor,
        counts: Sequence[int],
        caches: Sequence[KVCache],
        layer: int,
    ) -> torch.Tensor:
        """Attention of leaves to the beginning of their text, and to themselves, causal.

        Args:
            x: float (n, size, width).
            at: rotation of their places, (n, 1, size, head_width / 2).
            after: int64 (n,), how many places of the text each leaf attends to.
            counts: leaves of each text, in order.
            caches: of the texts.
            layer: which one of the stack this is.
        """
        query, key, value = self._projected(x, at)
        read: list[torch.Tensor] = []
        start = 0
        for count, cache in zip(counts, caches, strict=True):
            keys, values = cache.read(layer)
            at_once = max(1, _SCORES // (query.shape[1] * query.shape[2] * max(1, keys.shape[1])))
            for first in range(start, start + count, at_once):
                some = slice(first, min(first + at_once, start + count))
                read.append(
                    _read_leaves(query[some], key[some], value[some], keys, values, after[some])
                )
            start += count
        return self._joined(torch.cat(read))

    def packed(
        self, x: torch.Tensor, at: Rotation, groups: Groups, *, causal: bool
    ) -> torch.Tensor:
        """Attention within short sequences that stand one after another.

        Args:
            x: float (places, width).
            at: rotation of the places.
            groups: numbers of sequences, and the places of each of them, in order.
            causal: whether each place reads those before it and itself alone.
        """
        n = self._n_heads
        turned, value = self.qkv(x).unflatten(-1, (3 * n, -1)).split([2 * n, n], 1)
        cosines, sines = (each.to(value.dtype)[:, None] for each in at)
        turned = rotated(turned, (cosines, sines))  # (places, 2 * heads, head_width)
        parts = zip(in_groups(turned, groups), in_groups(value, groups), strict=True)
        return self.out(torch.cat([_within(*part, causal=causal) for part in parts]))

    def _projected(
        self, x: torch.Tensor, at: Rotation
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries, keys and values: (n, heads, length, head_width) each."""
        projected = self.qkv(x).unflatten(-1, (3 * self._n_heads, -1)).transpose(1, 2)
        turned, value = projected.split([2 * self._n_heads, self._n_heads], 1)
        cosines, sines = (each.to(value.dtype) for each in at)
        query, key = rotated(turned, (cosines, sines)).chunk(2, 1)
        return query, key, value

    def _joined(self, read: torch.Tensor) -> torch.Tensor:
        return self.out(read.transpose(1, 2).flatten(2))


def _causal(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Attention of each place to those before it and itself: (n, heads, length, head_width)."""
    if query.dtype != torch.bfloat16 or query.device.type != "cpu":
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    # PyTorch's own kernel for CPUs takes up to twice as long in bfloat16, backward.
    later = torch.ones(_QUERIES, _QUERIES, dtype=torch.bool, device=query.device).triu(1)
    # Blocks that are joined again, and not slices: the gradient of each slice would be padded.
    keys, values = key.split(_QUERIES, 2), value.split(_QUERIES, 2)
    read: list[torch.Tensor] = []
    for k, asking in enumerate(query.split(_QUERIES, 2)):
        size = asking.shape[2]
        hidden = functional.pad(later[:size, :size], (k * _QUERIES, 0))
        so_far = torch.cat(keys[: k + 1], 2), torch.cat(values[: k + 1], 2)
        read.append(_read(asking, *so_far, hidden))
    return torch.cat(read, 2)


def _read(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, hidden: torch.Tensor | None
) -> torch.Tensor:
    """Attention by explicit products; `hidden` are places that are not attended to; None: none."""
    scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-1, -2)
    if hidden is not None:
        scores = scores.masked_fill(hidden, -torch.inf)
    return scores.softmax(-1).to(value.dtype) @ value


def _within(query_key: torch.Tensor, value: torch.Tensor, *, causal: bool) -> torch.Tensor:
    """Attention within short sequences of one length.

    Args:
        query_key: (count, length, 2 * heads, head_width).
        value: (count, length, heads, head_width).
        causal: as in `Attention.packed`.

    Returns:
        (count * length, width).
    """
    count, length = value.shape[:2]
    if length == 1:
        return value.flatten(2)[:, 0]
    # (heads * count, length, head_width) each: one copy, and products without further ones
    query, key = query_key.permute(2, 0, 1, 3).flatten(0, 1).chunk(2)
    value = value.permute(2, 0, 1, 3).flatten(0, 1)
    if query.dtype != torch.bfloat16 or query.device.type != "cpu":
        query, key, value = (each[:, None] for each in (query, key, value))
        read = functional.scaled_dot_product_attention(query, key, value, is_causal=causal)[:, 0]
    else:
        hidden = torch.ones(length, length, dtype=torch.bool, device=query.device).triu(1)
        read = _read(query, key, value, hidden if causal else None)
    return read.unflatten(0, (-1, count)).permute(1, 2, 0, 3).flatten(0, 1).flatten(1)


def _read_leaves(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    after: torch.Tensor,
) -> torch.Tensor:
    """Attention of leaves (n, heads, size, head_width) to (heads, kept, head_width), and within."""
    n, _, size, head_width = query.shape
    query = query / math.sqrt(head_width)
    place = torch.arange(keys.shape[1], device=keys.device)
    unseen = (place >= after[:, None])[:, None, None]
    before = (query.transpose(0, 1).flatten(1, 2) @ keys.transpose(-1, -2)).unflatten(1, (n, size))
    within = query @ key.transpose(-1, -2)
    later = torch.ones(size, size, dtype=torch.bool, device=query.device).triu(1)
    scores = torch.cat(
        [
            before.transpose(0, 1).masked_fill(unseen, -torch.inf),
            within.masked_fill(later, -torch.inf),
        ],
        -1,
    )
    weights = scores.softmax(-1).to(value.dtype)
    of_text, of_leaf = weights[..., :-size], weights[..., -size:]
    read = of_text.transpose(0, 1).flatten(1, 2) @ values
    return read.unflatten(1, (n, size)).transpose(0, 1) + of_leaf @ value


def local_mask(length: int, window: int, size: int, device: torch.device) -> torch.Tensor:
    """Bool (n_blocks, 1, size, 2 * size): who of a block attends to whom of it and the one before.

    Args:
        length: places, a multiple of `size`.
        window: that each attends to, itself included; at most `size + 1`.
        size: of a block.
        device: of the result.
    """
    query = torch.arange(size, device=device)[:, None] + size
    key = torch.arange(2 * size, device=device)
    mask = (key <= query) & (key > query - window)
    mask = mask.repeat(length // size, 1, 1, 1)
    mask[0, :, :, :size] = False  # before the first block there is none
    return mask


def _stacked(each: list[torch.Tensor]) -> torch.Tensor:
    """(n, n_heads, longest, head_width) of n of (n_heads, length, head_width), zeros behind."""
    if len(each) == 1:
        return each[0][None]
    longest = max(one.shape[1] for one in each)
    return torch.stack([functional.pad(one, (0, 0, 0, longest - one.shape[1])) for one in each])
