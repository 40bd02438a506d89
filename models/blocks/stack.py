"""A stack of transformer blocks: norms before each part, rotary attention, SwiGLU, a last norm.

The layout is Llama's (Touvron et al., 2023, section 2.2) but for the norms, which are layer norms
without biases: PyTorch has no fused root-mean-square norm for CPUs, and the composed one takes five
times as long. All ways through it give the same states:
whole sequences (`forward`), many short ones without padding (`packed`), texts that go on after a
cache (`extend`), and leaves that go on from somewhere in a text (`branch`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from tokkit.arguments import check_whole
from tokkit.models.blocks.attention import Attention, local_mask
from tokkit.models.blocks.feed_forward import FeedForward
from tokkit.models.blocks.groups import Groups, places_within
from tokkit.models.blocks.kv_cache import KVCache
from tokkit.models.blocks.options import StackConfig
from tokkit.models.blocks.rotary import rotation

INIT_DEVIATION = 0.02

Attend = Callable[[int, Attention, torch.Tensor], torch.Tensor]
"""Layer, its attention, normed states -> what it read."""


def _norm(config: StackConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.width, eps=config.norm_eps, bias=False)


class Block(nn.Module):
    """The parts of a block; `Stack` puts them together."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self.attention_norm = _norm(config)
        self.attention = Attention(config)
        self.feed_forward_norm = _norm(config)
        self.feed_forward = FeedForward(config.width, config.inner_width)


class Stack(nn.Module):
    """Blocks, and a norm behind the last."""

    def __init__(self, config: StackConfig, *, norm: bool = True) -> None:
        """Draw the parameters from torch's generator; see `draw_parameters`.

        Args:
            config: the sizes.
            norm: whether there is a norm behind the last block.
        """
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = _norm(config) if norm else nn.Identity()

    @property
    def layers(self) -> list[Block]:
        """The blocks, with their type."""
        return cast("list[Block]", list(self.blocks))

    def forward(
        self,
        x: torch.Tensor,
        *,
        causal: bool = True,
        real: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
        added: Sequence[torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """States of whole sequences.

        Args:
            x: float (n, length, width).
            causal: whether each place reads those before it and itself alone; the configuration's
                window is for this case.
            real: bool (n, length), places that are attended to. Not needed where padding stands
                behind and attention is causal. A sequence without a real place gets NaN.
            mask: bool (length, length), who reads whom, in place of `causal` and `real`.
            added: of each layer, what is added to the states before it, float (n, length, width).

        Returns:
            float (n, length, width); of places that are not real, anything.
        """
        length, window = x.shape[1], self.config.window
        at = self._rotation(torch.arange(length, device=x.device), x)
        if mask is not None:
            assert real is None, "one mask"
            return self._through(x, lambda _, layer, y: layer(y, at, mask, causal=False), added)
        if causal and window is not None and length > window:
            assert real is None, "a sliding window with places left out"
            return self._local(x, max(window - 1, 1), added)
        mask = None if real is None else real[:, None, None, :]
        if mask is not None and causal:
            mask = mask & torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        return self._through(x, lambda _, layer, y: layer(y, at, mask, causal=causal), added)

    def start_cache(self, *, keep_all: bool = False) -> KVCache:
        """The cache of no text; with `keep_all` nothing ever drops out of it."""
        config, weight = self.config, self.layers[0].attention.out.weight
        return KVCache(
            config.n_layers,
            config.n_heads,
            config.head_width,
            window=None if keep_all else config.window,
            dtype=weight.dtype,
            device=weight.device,
        )

    def extend(
        self,
        x: torch.Tensor,
        lengths: Sequence[int],
        caches: Sequence[KVCache],
        *,
        added: Sequence[torch.Tensor] | None = None,
    ) -> tuple[torch.Tensor, list[KVCache]]:
        """States of texts that go on, causal.

        Args:
            x: float (n, longest, width), the new places of each, padding behind them.
            lengths: new places of each, 0 or more, one of them `longest`.
            caches: of what is before them.
            added: as in `forward`.

        Returns:
            float (n, longest, width), and the caches of the longer texts.
        """
        begun = [cache.n_places for cache in caches]
        longer = [cache.extended(n) for cache, n in zip(caches, lengths, strict=True)]
        places = torch.tensor(begun, device=x.device)[:, None] + torch.arange(
            x.shape[1], device=x.device
        )
        at = self._rotation(places[:, None], x)
        mask = self._mask(places, longer)

        def attend(number: int, layer: Attention, y: torch.Tensor) -> torch.Tensor:
            return layer.extend(y, at, mask, lengths, longer, number)

        return self._through(x, attend, added), longer

    def branch(
        self,
        x: torch.Tensor,
        after: torch.Tensor,
        counts: Sequence[int],
        caches: Sequence[KVCache],
    ) -> torch.Tensor:
        """States of leaves, each of which goes on from some place of a text.

        Args:
            x: float (n, size, width): leaves of `size` places, text by text.
            after: int64 (n,), how many places of the text each reads, beside its own.
            counts: leaves of each text.
            caches: of the texts; nothing is added to them.

        Returns:
            float (n, size, width).
        """
        assert self.config.window is None, "a branch from what may have been dropped"
        at = self._rotation(
            (after[:, None] + torch.arange(x.shape[1], device=x.device))[:, None], x
        )
        return self._through(
            x, lambda number, layer, y: layer.branch(y, at, after, counts, caches, number)
        )

    def packed(self, x: torch.Tensor, groups: Groups, *, causal: bool = True) -> torch.Tensor:
        """States of short sequences of various lengths, without padding.

        Args:
            x: float (places, width), the sequences one after another.
            groups: how many sequences there are of which length, in the order in which they stand.
            causal: as in `forward`; no window is looked at.

        Returns:
            float (places, width).
        """
        place = places_within(groups, x.device)
        longest = torch.arange(max(length for _, length in groups), device=x.device)
        cosines, sines = (each[place] for each in self._rotation(longest, x))
        at = cosines, sines
        return self._through(x, lambda _, layer, y: layer.packed(y, at, groups, causal=causal))

    def tree(
        self, x: torch.Tensor, places: torch.Tensor, mask: torch.Tensor, cache: KVCache
    ) -> torch.Tensor:
        """States of new nodes of a tree of texts, whose keys lie in one cache, a slot each.

        Args:
            x: float (n, width).
            places: int64 (n,), how far into its text each is.
            mask: bool (n, n_slots), the slots that each reads, its own included.
            cache: with `n` slots more than were written; without a window, which is the mask's.

        Returns:
            float (n, width).
        """
        at = self._rotation(places, x)

        def attend(number: int, layer: Attention, y: torch.Tensor) -> torch.Tensor:
            return layer.extend(y, at, mask, [len(x)], [cache], number)

        return self._through(x[None], attend)[0]

    def _local(
        self, x: torch.Tensor, size: int, added: Sequence[torch.Tensor] | None
    ) -> torch.Tensor:
        """`forward` with a window, in blocks of `size` places."""
        length, window = x.shape[1], self.config.window
        assert window is not None
        x = functional.pad(x, (0, 0, 0, -length % size))
        if added is not None:
            added = [functional.pad(each, (0, 0, 0, -length % size)) for each in added]
        at = self._rotation(torch.arange(x.shape[1], device=x.device), x)
        mask = local_mask(x.shape[1], window, size, x.device)
        return self._through(x, lambda _, layer, y: layer.local(y, at, mask), added)[:, :length]

    def _through(
        self, x: torch.Tensor, attend: Attend, added: Sequence[torch.Tensor] | None = None
    ) -> torch.Tensor:
        for number, block in enumerate(self.layers):
            if added is not None:
                x = x + added[number]
            x = x + attend(number, block.attention, block.attention_norm(x))
            x = x + block.feed_forward(block.feed_forward_norm(x))
        return self.norm(x)

    def _rotation(self, places: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return rotation(places, self.config.head_width, self.config.rope_base, x.dtype)

    def _mask(self, places: torch.Tensor, caches: Sequence[KVCache]) -> torch.Tensor | None:
        """Bool (n, 1, new, most_kept): what new places attend to; None: all that is kept."""
        window = self.config.window
        n_kept = max(cache.n_kept for cache in caches)
        if len(caches) == 1 and places.shape[1] == 1 and (window is None or n_kept <= window):
            return None
        first = torch.tensor([cache.first for cache in caches], device=places.device)
        keys = first[:, None, None] + torch.arange(n_kept, device=places.device)
        mask = keys <= places[..., None]
        if window is not None:
            mask &= keys > places[..., None] - window
        return mask[:, None]


def draw_parameters(module: nn.Module, *, seed: int) -> None:
    """Draw all linear layers and embeddings anew: normal of deviation 0.02.

    Layers named `out` end a branch that is added to the states; those of a stack are smaller by the
    root of the number of branches ("Language Models are Unsupervised Multitask Learners", 2019,
    section 2.3).

    Raises:
        ArgumentError: no whole number of 63 bits.
    """
    generator = torch.Generator().manual_seed(check_whole("seed", seed, 0, (1 << 63) - 1))
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                drawn = torch.empty(part.weight.shape).normal_(
                    0, INIT_DEVIATION, generator=generator
                )
                part.weight.copy_(drawn)
            bias = getattr(part, "bias", None)
            if isinstance(part, nn.Linear) and bias is not None:
                bias.zero_()
        for part in module.modules():
            if isinstance(part, Stack):
                for block in part.layers:
                    for layer in (block.attention.out, block.feed_forward.out):
                        layer.weight.div_(math.sqrt(2 * part.config.n_layers))
