"""From the bytes of a word to its vectors: attention in both directions, read at rows of their own.

"Learn Your Tokens" (Thawani et al., 2023), section 3, with k rows [CLS] before the bytes;
"Hierarchical Autoregressive Transformers" (Neitemeier et al., ICLR 2025), section 3, with one, [W].
A word is read by itself: its vectors depend on its bytes alone, so equal words are read once.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tokkit.models.blocks.embedding import SymbolEmbedding, hashed_ngrams
from tokkit.models.blocks.groups import in_groups
from tokkit.models.blocks.options import NgramConfig
from tokkit.models.blocks.stack import Stack
from tokkit.models.end_of_word.packing import Packing
from tokkit.models.end_of_word.shape import EndOfWordShape

_N_BYTES = 256


class WordEncoder(nn.Module):
    """Reads words, each by itself."""

    def __init__(self, shape: EndOfWordShape) -> None:
        super().__init__()
        width, outer = shape.encoder.width, shape.backbone.width
        self._n_vectors = shape.n_vectors
        self.embedding = SymbolEmbedding(_N_BYTES, width, ngrams=shape.ngrams, gate=shape.gate)
        self.vectors = nn.Embedding(shape.n_vectors, width)
        self.stack = Stack(shape.encoder)
        self.project = nn.Identity() if width == outer else nn.Linear(width, outer, bias=False)
        self.word_rows: nn.Embedding | None = None
        if shape.word_buckets is not None:
            self._hash = NgramConfig(n_buckets=shape.word_buckets)
            self.word_rows = nn.Embedding(shape.word_buckets, outer)

    def forward(
        self, data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> torch.Tensor:
        """Vectors of words.

        Args:
            data: uint8 (n,), where their bytes are.
            starts: int64 (words,), of each in it.
            lengths: int64 (words,), 1 or more.

        Returns:
            float (words, n_vectors, width of the backbone).
        """
        device, k = self.vectors.weight.device, self._n_vectors
        packing = Packing.of(lengths)
        words, steps = packing.steps()
        symbols = torch.from_numpy(data[starts[words] + steps].astype(np.int64)).to(device)
        embedded = self.embedding.packed(symbols, packing.groups)
        parts = in_groups(embedded, packing.groups)
        x = [
            torch.cat([self.vectors.weight.expand(len(part), -1, -1), part], 1).flatten(0, 1)
            for part in parts
        ]
        groups = [(count, length + k) for count, length in packing.groups]
        states = self.stack.packed(torch.cat(x), groups, causal=False)
        read = self.project(torch.cat([part[:, :k] for part in in_groups(states, groups)]))
        if self.word_rows is not None:
            buckets = [
                hashed_ngrams(part, part.shape[1], self._hash)
                for part in in_groups(symbols, packing.groups)
            ]
            rows = self.word_rows(torch.cat(buckets))  # (words, 1, width)
            read = torch.cat([read[:, :1] + rows, read[:, 1:]], 1)
        return read[torch.from_numpy(packing.inverse()).to(device)]
