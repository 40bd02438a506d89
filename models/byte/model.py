"""`ByteTransformer`: a causal transformer whose symbols are the 256 bytes and END.

The architecture is that of any decoder (see `tokkit.models.blocks.stack`); what makes a transformer
over bytes competitive, hashed n-grams and a gate on the place before, are options of its embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.models.blocks.embedding import SymbolContext, SymbolEmbedding
from tokkit.models.blocks.kv_cache import KVCache
from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.blocks.stack import Stack, draw_parameters
from tokkit.models.byte.config import ByteConfig
from tokkit.models.text_models.further_symbols import further_symbols, nats_with_further
from tokkit.models.text_models.predictions import logprob_rows, nats_of_states
from tokkit.models.text_models.text_model import CachedTextModel
from tokkit.models.text_models.windows import Windows, symbol_rows


@dataclass(frozen=True, eq=False)
class ByteCache:
    """What the model has read.

    Attributes:
        context: of the embedding.
        keys: of the stack.
    """

    context: SymbolContext
    keys: KVCache


class ByteTransformer(CachedTextModel):
    """A `ByteModel` that predicts byte after byte."""

    kind: ClassVar[str] = "byte-transformer"
    config_class: ClassVar[Any] = ByteConfig

    def __init__(self, config: ByteConfig | None = None, *, seed: int = 0) -> None:
        """Build it, with parameters that are drawn.

        Args:
            config: its shape; the default trains on a laptop.
            seed: of the draw.
        """
        super().__init__()
        self.config = config or ByteConfig()
        self.name = "byte transformer"
        width = self.config.backbone.width
        self.embedding = SymbolEmbedding(
            N_SYMBOLS, width, ngrams=self.config.ngrams, gate=self.config.gate
        )
        self.stack = Stack(self.config.backbone)
        self.head = OutputLayer(width, N_SYMBOLS, bias=False)
        self.further = further_symbols(width, self.config.ahead)
        draw_parameters(self, seed=seed)
        self.embedding.open_gate()

    def nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.nats`."""
        states = self.stack(self.embedding(windows.symbols))
        return nats_of_states(states, self.head, windows.targets())

    def training_nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.training_nats`."""
        states = self.stack(self.embedding(windows.symbols))
        return nats_with_further(states, self.head, windows.targets(), self.further)

    def begin(self) -> tuple[ByteCache, NDArray[np.float64]]:
        """See `CachedTextModel.begin`."""
        empty = ByteCache(self.embedding.start(), self.stack.start_cache())
        caches, rows = self._extend([empty], [b""], before=(END,))
        return caches[0], rows[0][0]

    def extend(
        self, caches: Sequence[ByteCache], data: Sequence[bytes]
    ) -> tuple[list[ByteCache], list[NDArray[np.float64]]]:
        """See `CachedTextModel.extend`."""
        return self._extend(caches, data)

    def _extend(
        self, caches: Sequence[ByteCache], data: Sequence[bytes], before: tuple[int, ...] = ()
    ) -> tuple[list[ByteCache], list[NDArray[np.float64]]]:
        """Go on with the symbols `before`, then bytes."""
        symbols, lengths = symbol_rows(data, before=before, device=self.device)
        with self.evaluating():
            x, contexts = self.embedding.extend(
                symbols, lengths, [cache.context for cache in caches]
            )
            states, keys = self.stack.extend(x, lengths, [cache.keys for cache in caches])
            rows = logprob_rows(self.head(states))
        later = [ByteCache(*each) for each in zip(contexts, keys, strict=True)]
        return later, [row[:length] for row, length in zip(rows, lengths, strict=True)]
