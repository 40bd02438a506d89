"""The network of a byteified model: from bytes and what the token model says to the next byte.

The law of the next symbol is a mixture of what goes on in the token that is being spelled, which
the token model knows, and of what follows a token that has ended, which the decoder learns:

    P(b) = (1 - r) * P(b | the token goes on) + r * q(b)

The decoder learns q, and by how much the odds of an end, r, are off where several tokens may have
ended. Behind a token that is settled r is 0, and the law is that of the token model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tokkit.bytelm.byte_state import N_SYMBOLS
from tokkit.models.blocks.embedding import SymbolContext, SymbolEmbedding
from tokkit.models.blocks.kv_cache import KVCache
from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.blocks.stack import Stack, draw_parameters
from tokkit.models.byteified.config import ByteifiedConfig
from tokkit.models.byteified.token_view import TokenView

_MOST_DEPTH = 32
LEAST = 1e-30
"""Of a probability, so that its logarithm and its gradient are finite."""
_LEAST_SHARE = 1e-6
"""Of tokens that have ended, or that go on, for their odds."""


@dataclass(frozen=True, eq=False)
class ViewBatch:
    """Views side by side, padded behind.

    Attributes:
        states: float (n, longest, state_width).
        depths: int64 (n, longest).
        shares: float (n, longest, 257).
        ended: float (n, longest).
        suffixes: int64 (n, longest).
    """

    states: torch.Tensor
    depths: torch.Tensor
    shares: torch.Tensor
    ended: torch.Tensor
    suffixes: torch.Tensor

    @classmethod
    def of(cls, views: Sequence[TokenView], like: torch.Tensor) -> ViewBatch:
        """Put views side by side.

        Args:
            views: one or more.
            like: a tensor whose device and dtype floats get.
        """
        longest = max(map(len, views))

        def joined(arrays: Sequence[np.ndarray], dtype: torch.dtype) -> torch.Tensor:
            whole = np.zeros((len(arrays), longest, *arrays[0].shape[1:]), arrays[0].dtype)
            for row, each in zip(whole, arrays, strict=True):
                row[: len(each)] = each
            return torch.from_numpy(whole).to(device=like.device, dtype=dtype)

        return cls(
            joined([view.states[view.settled] for view in views], like.dtype),
            joined([view.depths for view in views], torch.int64),
            joined([view.shares for view in views], like.dtype),
            joined([view.ended for view in views], like.dtype),
            joined([view.suffixes for view in views], torch.int64),
        )


@dataclass(frozen=True, eq=False)
class DecoderCache:
    """What the decoder has read."""

    context: SymbolContext
    keys: KVCache


class Decoder(nn.Module):
    """A small causal stack over bytes, with a guide from the token model at each place."""

    def __init__(self, config: ByteifiedConfig, *, seed: int) -> None:
        """Draw the parameters.

        Args:
            config: the shape.
            seed: of the draw.
        """
        super().__init__()
        shape, tokens = config.decoder, config.token_model
        width = shape.stack.width
        self.embedding = SymbolEmbedding(N_SYMBOLS, width, ngrams=shape.ngrams, gate=shape.gate)
        self.guide = nn.Linear(tokens.state_width, width, bias=False)
        self.depths = nn.Embedding(_MOST_DEPTH, width)
        self.suffix = nn.Linear(tokens.row_width, width, bias=False) if shape.suffixes else None
        self.stack = Stack(shape.stack)
        self.head = OutputLayer(width, N_SYMBOLS + 1)
        self.register_buffer("held", torch.ones(N_SYMBOLS, dtype=torch.float32))
        self._token_rows: torch.Tensor | None = None
        draw_parameters(self, seed=seed)
        self.embedding.open_gate()
        with torch.no_grad():
            self.head.weight[-1].zero_()  # the odds of an end begin as they are

    def look_up(self, token_rows: torch.Tensor) -> None:
        """Embed suffixes of a text by rows (n_ids, row_width), which are not trained."""
        self._token_rows = torch.cat([token_rows, token_rows.new_zeros(1, token_rows.shape[1])])

    def forward(self, symbols: torch.Tensor, views: ViewBatch) -> torch.Tensor:
        """Probabilities of whole texts, float (n, length, 257), of int64 (n, length) symbols."""
        x = self.embedding(symbols) + self._guided(views)
        return self._mixed(self.stack(x), views)

    def start_cache(self) -> DecoderCache:
        """The cache of no text."""
        return DecoderCache(self.embedding.start(), self.stack.start_cache())

    def extend(
        self,
        symbols: torch.Tensor,
        lengths: Sequence[int],
        caches: Sequence[DecoderCache],
        views: ViewBatch,
    ) -> tuple[torch.Tensor, list[DecoderCache]]:
        """Probabilities of texts that go on; see `SymbolEmbedding.extend`."""
        x, contexts = self.embedding.extend(symbols, lengths, [each.context for each in caches])
        states, keys = self.stack.extend(
            x + self._guided(views), lengths, [each.keys for each in caches]
        )
        later = [DecoderCache(*each) for each in zip(contexts, keys, strict=True)]
        return self._mixed(states, views), later

    def _guided(self, views: ViewBatch) -> torch.Tensor:
        guided = self.guide(views.states) + self.depths(views.depths.clamp(max=_MOST_DEPTH - 1))
        if self.suffix is not None:
            assert self._token_rows is not None, "suffixes need the rows of the token model"
            rows = functional.embedding(views.suffixes, self._token_rows)
            guided = guided + self.suffix(rows.to(views.states))
        return guided

    def _mixed(self, states: torch.Tensor, views: ViewBatch) -> torch.Tensor:
        """Probabilities, float (n, length, 257), in the precision of the shares at least."""
        dtype = torch.promote_types(views.shares.dtype, torch.float32)
        scores = self.head(states).to(dtype)
        shares, ended = views.shares.to(dtype), views.ended.to(dtype)
        after = scores[..., :-1].masked_fill(self.get_buffer("held") == 0, -torch.inf).softmax(-1)
        end = torch.sigmoid(torch.logit(ended, eps=_LEAST_SHARE) + scores[..., -1])
        end = torch.where((ended > 0) & (ended < 1), end, ended)[..., None]
        return (1 - end) * shares + end * after
