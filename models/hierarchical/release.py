"""The form of the released checkpoints: every byte is predicted from the last finished unit.

1. An encoder reads the bytes, causally and in a window; its states go into the units that the bytes
   are in (cross-attention from one learned query).
2. The backbone, a causal transformer, reads the units.
3. A decoder goes on from the encoder's states; before each of its layers, each byte's state gets a
   projection of what the backbone made of the last unit that is finished there.
4. The next byte is predicted from that. No symbol ends a word: a unit is finished when a byte shows
   that it is, and the decoder writes that byte without knowing.

Source: "Hierarchical Autoregressive Transformers" (Neitemeier et al., ICLR 2025), in the layout of
`vllm/model_executor/models/hat.py` in `Aleph-Alpha/vllm` (`HATDecoderLayer`, `HATGuideVectorAdd`).
There the projection is a product of two matrices behind a norm of its own, here one matrix behind
the backbone's norm, which is the same functions; and there is a norm behind the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.models.blocks.embedding import SymbolContext, SymbolEmbedding
from tokkit.models.blocks.kv_cache import KVCache
from tokkit.models.blocks.options import StackConfig
from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.blocks.stack import Stack
from tokkit.models.hierarchical.config import HierarchicalConfig
from tokkit.models.hierarchical.convolution import ConvolutionStack
from tokkit.models.text_models.further_symbols import further_symbols, nats_with_further
from tokkit.models.text_models.predictions import logprob_rows, nats_of_states
from tokkit.models.text_models.windows import Windows, symbol_rows
from tokkit.models.words.cutting import Cuts, CutState, UnitCutter
from tokkit.models.words.packing import UnitBatch
from tokkit.models.words.pooling import Partial, unit_pooling


@dataclass(frozen=True, eq=False)
class ReleaseCache:
    """What a text leaves behind.

    Attributes:
        context: of the embedding.
        encoder: its cache; None where there is no encoder.
        cut: where units end.
        unit: what has been pooled of the unit in progress, of shapes (1, ...).
        backbone: keys of the finished units.
        guidance: float (layers of the decoder, width), what the last finished unit adds in each.
        decoder: its cache.
    """

    context: SymbolContext
    encoder: Any
    cut: CutState
    unit: Partial
    backbone: KVCache
    guidance: torch.Tensor
    decoder: Any


class ReleaseForm(nn.Module):
    """Encoder, pooling, backbone, and a decoder that each finished unit guides."""

    def __init__(self, config: HierarchicalConfig) -> None:
        """Make the parts; their parameters are drawn by the model that they are of."""
        super().__init__()
        width, unit_width = config.decoder.width, config.backbone.width
        self._cutter = UnitCutter(config.units)
        self.embedding = SymbolEmbedding(N_SYMBOLS, width, ngrams=config.ngrams, gate=config.gate)
        self.prefix_rows = (
            nn.Embedding(config.hashed_prefixes, width) if config.hashed_prefixes else None
        )
        self.encoder = None if config.encoder is None else _byte_stack(config.encoder, config)
        self.pooling = unit_pooling(config.pooling, width, unit_width, config.backbone.n_heads)
        self.unit_rows = (
            nn.Embedding(config.hashed_units, unit_width) if config.hashed_units else None
        )
        self.backbone = Stack(config.backbone)
        self.first = nn.Embedding(1, unit_width)
        self.guides = nn.ModuleList(
            nn.Linear(unit_width, width, bias=False) for _ in range(config.decoder.n_layers)
        )
        self.decoder = _byte_stack(config.decoder, config)
        self.head = OutputLayer(width, N_SYMBOLS, bias=False)
        self.further = further_symbols(width, config.ahead)

    def open_gates(self) -> None:
        """Set the gate of the embedding to where it begins."""
        self.embedding.open_gate()

    def nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.nats`."""
        return nats_of_states(self._states(windows), self.head, windows.targets())

    def training_nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.training_nats`."""
        return nats_with_further(self._states(windows), self.head, windows.targets(), self.further)

    def _states(self, windows: Windows) -> torch.Tensor:
        start = self._cutter.begin()
        units = self._laid_out(
            [self._cutter.extend(start, each)[0] for each in windows.data], windows.data, n_before=1
        )
        embedded = self._with_prefixes(self.embedding(windows.symbols), units)
        encoded = embedded if self.encoder is None else self.encoder(embedded)
        pooled = self.pooling.partial(encoded.flatten(0, 1), units.closed)
        states = units.in_rows(self._unit_vectors(pooled, units))
        states = self.backbone(states) if states.shape[1] else states
        before = [each.expand(len(windows), -1) for each in self._guidance(self.first.weight)]
        added = units.at_places_each(before, self._guidance(states))
        return self.decoder(encoded, added=added)

    def begin(self) -> tuple[ReleaseCache, NDArray[np.float64]]:
        """See `CachedTextModel.begin`."""
        first = torch.cat(self._guidance(self.first.weight))
        empty = ReleaseCache(
            self.embedding.start(),
            None if self.encoder is None else self.encoder.start_cache(),
            self._cutter.begin(),
            self.pooling.nothing(first),
            self.backbone.start_cache(),
            first,
            self.decoder.start_cache(),
        )
        caches, rows = self._extend([empty], [b""], before=(END,))
        return caches[0], rows[0][0]

    def extend(
        self, caches: Sequence[ReleaseCache], data: Sequence[bytes]
    ) -> tuple[list[ReleaseCache], list[NDArray[np.float64]]]:
        """See `CachedTextModel.extend`."""
        return self._extend(caches, data)

    def _extend(
        self, caches: Sequence[ReleaseCache], data: Sequence[bytes], before: tuple[int, ...] = ()
    ) -> tuple[list[ReleaseCache], list[NDArray[np.float64]]]:
        """Go on with the symbols `before`, then bytes."""
        symbols, lengths = symbol_rows(data, before=before, device=self.head.weight.device)
        cut = [
            self._cutter.extend(cache.cut, each) for cache, each in zip(caches, data, strict=True)
        ]
        units = self._laid_out([each for each, _ in cut], data, n_before=len(before))
        encoded, contexts = self.embedding.extend(
            symbols, lengths, [cache.context for cache in caches]
        )
        encoded = self._with_prefixes(encoded, units)
        encoders: list[Any] = [None] * len(caches)
        if self.encoder is not None:
            encoded, encoders = self.encoder.extend(
                encoded, lengths, [cache.encoder for cache in caches]
            )
        closed, opened = self._pooled(encoded, units, caches)
        states, backbones = self._through_backbone(closed, units, caches)
        guidance = self._guidance(states)
        held = torch.stack([cache.guidance for cache in caches], 1).unbind()
        decoded, decoders = self.decoder.extend(
            encoded,
            lengths,
            [cache.decoder for cache in caches],
            added=units.at_places_each(held, guidance),
        )
        rows = logprob_rows(self.head(decoded))
        later = [
            ReleaseCache(
                contexts[k],
                encoders[k],
                cut[k][1],
                opened[k],
                backbones[k],
                torch.stack([each[k, count - 1] for each in guidance])
                if count
                else caches[k].guidance,
                decoders[k],
            )
            for k, count in enumerate(units.counts.tolist())
        ]
        return later, [row[:length] for row, length in zip(rows, lengths, strict=True)]

    def _laid_out(self, cuts: Sequence[Cuts], data: Sequence[bytes], *, n_before: int) -> UnitBatch:
        return UnitBatch.of(
            cuts,
            np.array([len(each) for each in data], np.int64),
            n_before=n_before,
            holds_closing_byte=self._cutter.options.holds_closing_byte,
            device=self.head.weight.device,
        )

    def _pooled(
        self, encoded: torch.Tensor, units: UnitBatch, caches: Sequence[ReleaseCache]
    ) -> tuple[Partial, list[Partial]]:
        """The units that are closed, with what their beginnings left, and those in progress."""
        places = encoded.flatten(0, 1)
        carried = tuple(torch.cat(parts) for parts in zip(*(c.unit for c in caches), strict=True))
        if not len(units.closed):
            one_each = len(places) == len(caches) and bool(units.open.lengths.all())
            new = (
                self.pooling.singles(places)
                if one_each
                else self.pooling.partial(places, units.open)
            )
            joined = self.pooling.merge(carried, new)
            return (), [tuple(each[k : k + 1] for each in joined) for k in range(len(caches))]
        closed = self.pooling.partial(places, units.closed)
        closing = np.flatnonzero(units.counts)
        firsts = (np.cumsum(units.counts) - units.counts)[closing]
        rows, at = (torch.from_numpy(each).to(places.device) for each in (closing, firsts))
        whole = self.pooling.merge(
            tuple(each[rows] for each in carried), tuple(each[at] for each in closed)
        )
        closed = tuple(
            each.index_copy(0, at, first) for each, first in zip(closed, whole, strict=True)
        )
        new = self.pooling.partial(places, units.open)
        joined = self.pooling.merge(carried, new)
        opened = [
            tuple(each[k : k + 1] for each in (new if count else joined))
            for k, count in enumerate(units.counts.tolist())
        ]
        return closed, opened

    def _through_backbone(
        self, closed: Partial, units: UnitBatch, caches: Sequence[ReleaseCache]
    ) -> tuple[torch.Tensor, list[KVCache]]:
        """States (rows, most, width) of the units that are closed, and the longer caches."""
        keys = [cache.backbone for cache in caches]
        if not len(units.closed):
            return self.first.weight.new_zeros(len(caches), 0, self.first.embedding_dim), keys
        vectors = units.in_rows(self._unit_vectors(closed, units))
        return self.backbone.extend(vectors, units.counts.tolist(), keys)

    def _unit_vectors(self, pooled: Partial, units: UnitBatch) -> torch.Tensor:
        """What the backbone reads: float (units, width)."""
        vectors = self.pooling.finish(pooled)
        if self.unit_rows is None:
            return vectors
        return vectors + self.unit_rows(units.hashes.remainder(self.unit_rows.num_embeddings))

    def _with_prefixes(self, embedded: torch.Tensor, units: UnitBatch) -> torch.Tensor:
        """Float (rows, longest, width), of bytes as beginnings of their units."""
        if self.prefix_rows is None:
            return embedded
        return embedded + self.prefix_rows(
            units.prefixes.remainder(self.prefix_rows.num_embeddings)
        )

    def _guidance(self, states: torch.Tensor) -> list[torch.Tensor]:
        """What units add in each layer of the decoder: float (..., width)."""
        return [guide(states) for guide in self.guides]


def _byte_stack(sizes: StackConfig, config: HierarchicalConfig) -> Stack | ConvolutionStack:
    if config.byte_block == "convolution":
        return ConvolutionStack(sizes, config.kernel)
    return Stack(sizes)
