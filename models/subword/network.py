"""`TokenNetwork`: from ids to the logits of the next one."""

from __future__ import annotations

import torch

from tokkit.models.blocks.embedding import SymbolEmbedding
from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.blocks.stack import Stack, draw_parameters
from tokkit.models.subword.config import SubwordConfig
from tokkit.models.text_models.further_symbols import further_symbols


class TokenNetwork(torch.nn.Module):
    """An embedding, a stack and a head.

    Attributes:
        n_symbols: ids that it knows.
    """

    def __init__(self, config: SubwordConfig, n_symbols: int, *, seed: int) -> None:
        """Draw the parameters.

        Args:
            config: its shape.
            n_symbols: ids of the tokenizer.
            seed: of the draw.
        """
        super().__init__()
        width = config.backbone.width
        self.n_symbols = n_symbols
        self.embedding = SymbolEmbedding(n_symbols, width, ngrams=config.ngrams, gate=config.gate)
        self.stack = Stack(config.backbone)
        self.head = OutputLayer(width, n_symbols, bias=False)
        self.further = further_symbols(width, config.ahead)
        draw_parameters(self, seed=seed)
        self.embedding.open_gate()

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits, float (n, length, n_symbols), of int64 (n, length): whole sequences, causal."""
        return self.head(self.states(ids))

    def states(self, ids: torch.Tensor) -> torch.Tensor:
        """What the head reads, float (n, length, width), of int64 (n, length)."""
        return self.stack(self.embedding(ids))
