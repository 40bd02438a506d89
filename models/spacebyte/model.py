"""`SpaceByte`: global blocks at the bytes behind which a word is likely to begin.

Source: "SpaceByte: Towards Deleting Tokenization from Large Language Modeling" (Slagle, NeurIPS
2024), section 2, and its code (`spacebyte.py` in `kjslag/spacebyte`). Every byte goes through local
blocks with a window. At END and at each *spacelike* byte (no letter, digit or continuation byte)
that does not follow another, the state, with zeros in front up to their width, goes through the
global blocks too; the last columns of what they give are added to it.

Deviations: positions are rotary in all blocks, in place of learned ones of a limited number, so
that a text has any length and any number of global places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.models.blocks.embedding import SymbolContext, SymbolEmbedding
from tokkit.models.blocks.kv_cache import KVCache
from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.blocks.stack import Stack, draw_parameters
from tokkit.models.spacebyte.config import SpaceByteConfig
from tokkit.models.text_models.further_symbols import further_symbols, nats_with_further
from tokkit.models.text_models.predictions import logprob_rows, nats_of_states
from tokkit.models.text_models.text_model import CachedTextModel
from tokkit.models.text_models.windows import Windows, symbol_rows
from tokkit.models.words.cutting import Cuts, CutState, UnitCutter
from tokkit.models.words.packing import UnitBatch


@dataclass(frozen=True, eq=False)
class SpaceByteCache:
    """What a text leaves behind.

    Attributes:
        context: of the embedding.
        cut: where units end.
        initial: keys of the first local blocks.
        backbone: keys of the global ones.
        final: keys of the last local ones.
    """

    context: SymbolContext
    cut: CutState
    initial: KVCache
    backbone: KVCache
    final: KVCache


class SpaceByte(CachedTextModel):
    """A `ByteModel` with global blocks at some of its bytes."""

    kind: ClassVar[str] = "spacebyte"
    config_class: ClassVar[Any] = SpaceByteConfig

    def __init__(self, config: SpaceByteConfig | None = None, *, seed: int = 0) -> None:
        """Build it, with parameters that are drawn.

        Args:
            config: its shape; the default trains on a laptop.
            seed: of the draw.
        """
        super().__init__()
        self.config = config or SpaceByteConfig()
        self.name = "SpaceByte"
        width = self.config.initial.width
        self._cutter = UnitCutter(self.config.units)
        self.embedding = SymbolEmbedding(
            N_SYMBOLS, width, ngrams=self.config.ngrams, gate=self.config.gate
        )
        self.initial = Stack(self.config.initial, norm=False)
        self.backbone = Stack(self.config.backbone, norm=False)
        self.final = Stack(self.config.final)
        self.head = OutputLayer(width, N_SYMBOLS, bias=False)
        self.further = further_symbols(width, self.config.ahead)
        draw_parameters(self, seed=seed)
        self.embedding.open_gate()

    def nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.nats`."""
        return nats_of_states(self._states(windows), self.head, windows.targets())

    def training_nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.training_nats`."""
        return nats_with_further(self._states(windows), self.head, windows.targets(), self.further)

    def _states(self, windows: Windows) -> torch.Tensor:
        start = self._cutter.begin()
        cuts = [self._cutter.extend(start, each)[0] for each in windows.data]
        units = self._laid_out(cuts, windows.data, n_before=1)
        x = self.initial(self.embedding(windows.symbols))
        x = self._added(x, self.backbone(self._at_units(x, units, n_before=1)), units, n_before=1)
        return self.final(x)

    def begin(self) -> tuple[SpaceByteCache, NDArray[np.float64]]:
        """See `CachedTextModel.begin`."""
        empty = SpaceByteCache(
            self.embedding.start(),
            self._cutter.begin(),
            *(stack.start_cache() for stack in (self.initial, self.backbone, self.final)),
        )
        caches, rows = self._extend([empty], [b""], before=(END,))
        return caches[0], rows[0][0]

    def extend(
        self, caches: Sequence[SpaceByteCache], data: Sequence[bytes]
    ) -> tuple[list[SpaceByteCache], list[NDArray[np.float64]]]:
        """See `CachedTextModel.extend`."""
        if not any(data):
            return list(caches), [np.empty((0, N_SYMBOLS)) for _ in data]
        return self._extend(caches, data)

    def _extend(
        self,
        caches: Sequence[SpaceByteCache],
        data: Sequence[bytes],
        before: tuple[int, ...] = (),
    ) -> tuple[list[SpaceByteCache], list[NDArray[np.float64]]]:
        """Go on with the symbols `before`, then bytes."""
        n_before = len(before)
        symbols, lengths = symbol_rows(data, before=before, device=self.device)
        cut = [self._cutter.extend(held.cut, each) for held, each in zip(caches, data, strict=True)]
        units = self._laid_out([each for each, _ in cut], data, n_before=n_before)
        with self.evaluating():
            x, contexts = self.embedding.extend(symbols, lengths, [held.context for held in caches])
            x, initials = self.initial.extend(x, lengths, [held.initial for held in caches])
            backbones = [held.backbone for held in caches]
            if n_before or len(units.closed):
                counts = (units.counts + n_before).tolist()
                rows = self._at_units(x, units, n_before=n_before)
                read, backbones = self.backbone.extend(rows, counts, backbones)
                x = self._added(x, read, units, n_before=n_before)
            x, finals = self.final.extend(x, lengths, [held.final for held in caches])
            logprobs = logprob_rows(self.head(x))
        states = [state for _, state in cut]
        parts = zip(contexts, states, initials, backbones, finals, strict=True)
        later = [SpaceByteCache(*each) for each in parts]
        return later, [row[:length] for row, length in zip(logprobs, lengths, strict=True)]

    def _laid_out(self, cuts: Sequence[Cuts], data: Sequence[bytes], *, n_before: int) -> UnitBatch:
        lengths = np.array([len(each) for each in data], np.int64)
        return UnitBatch.of(
            cuts, lengths, n_before=n_before, holds_closing_byte=True, device=self.device
        )

    def _at_units(self, x: torch.Tensor, units: UnitBatch, *, n_before: int) -> torch.Tensor:
        """What the global blocks read: float (rows, n_before + most, their width)."""
        rows = units.in_rows(x.flatten(0, 1)[units.closed.lasts()])
        rows = torch.cat([x[:, :n_before], rows], 1)
        return functional.pad(rows, (self.config.backbone.width - x.shape[2], 0))

    def _added(
        self, x: torch.Tensor, read: torch.Tensor, units: UnitBatch, *, n_before: int
    ) -> torch.Tensor:
        """Local states, with what the global blocks made of those at units."""
        read = read[:, :, -x.shape[2] :].to(x.dtype)
        real = units.slots < len(units.closed)
        flat = x.flatten(0, 1).index_add(0, units.closed.lasts(), read[:, n_before:][real])
        added = flat.unflatten(0, x.shape[:2])
        if not n_before:
            return added
        return torch.cat([added[:, :n_before] + read[:, :n_before], added[:, n_before:]], 1)
