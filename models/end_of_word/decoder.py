"""From what the backbone says to the bytes of a word: causal attention after k vectors as a prefix.

The word decoder of "Learn Your Tokens" (Thawani et al., 2023), section 3, and of "Hierarchical
Autoregressive Transformers" (Neitemeier et al., ICLR 2025), section 3: the words of a text are
decoded at the same time, because each depends on the text before it by its prefix alone, and on the
embeddings of its bytes, which may hold n-grams that reach further back.
"""

from __future__ import annotations

import torch
from torch import nn

from tokkit.bytelm.byte_state import N_SYMBOLS
from tokkit.models.blocks.groups import Groups, in_groups
from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.blocks.stack import Stack
from tokkit.models.end_of_word.shape import EndOfWordShape


class WordDecoder(nn.Module):
    """Predicts the bytes of words and their ends."""

    def __init__(self, shape: EndOfWordShape) -> None:
        super().__init__()
        width, outer = shape.decoder.width, shape.backbone.width
        self._n_vectors = shape.n_vectors
        self.project = nn.Identity() if width == outer else nn.Linear(outer, width, bias=False)
        self.stack = Stack(shape.decoder)
        self.head = OutputLayer(width, N_SYMBOLS, bias=False)

    def forward(self, prefix: torch.Tensor, embedded: torch.Tensor, groups: Groups) -> torch.Tensor:
        """Logits at every place of some words.

        Args:
            prefix: float (words, n_vectors, width), projected.
            embedded: float (bytes, width), the bytes of the words, one word after another.
            groups: counts and lengths of the words; a length may be 0.

        Returns:
            float (words + bytes, 257): of each word before its first byte, then after each.
        """
        k = self._n_vectors
        prefixes = prefix.split([count for count, _ in groups])
        x = [
            torch.cat(both, 1).flatten(0, 1)
            for both in zip(prefixes, in_groups(embedded, groups), strict=True)
        ]
        longer = [(count, length + k) for count, length in groups]
        states = self.stack.packed(torch.cat(x), longer)
        if k > 1:
            parts = in_groups(states, longer)
            states = torch.cat([part[:, k - 1 :].flatten(0, 1) for part in parts])
        return self.head(states)
