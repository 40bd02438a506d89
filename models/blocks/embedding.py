"""What goes into a stack: embeddings of symbols, of the hashed n-grams that end there, and a gate.

- Hashed n-grams: "Byte Latent Transformer" (Pagnoni et al., 2024), section 3.2.1: the last n
  symbols, hashed to a bucket whose row is added. Before a text stands a symbol of its own.
- The gate mixes the embedding of the place before into each place, so that the first layer sees
  pairs of symbols: `x[t] + sigmoid(W x[t] + b) * x[t - 1]`, b = -2 at first.

Both read what is before a place alone, and carry it along (`SymbolContext`) where a text goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from tokkit.models.blocks.groups import Groups, places_within
from tokkit.models.blocks.options import NgramConfig

_CLOSED = -2.0
"""The gate's bias at first: it lets an eighth through."""
_PRIME = 0x100000001B3  # of FNV-1a, 64 bits
_MIXED = 29  # bits that the hash is shifted by, so that its low bits depend on all


@dataclass(frozen=True, eq=False)
class SymbolContext:
    """What a place needs of those before it.

    Attributes:
        symbols: int64 (n_symbols_before,), the last ones.
        vector: float (width,), the embedding of the last one, before the gate.
    """

    symbols: torch.Tensor
    vector: torch.Tensor


class SymbolEmbedding(nn.Module):
    """Rows of symbols, with what is around them."""

    def __init__(
        self, n_symbols: int, width: int, *, ngrams: NgramConfig | None = None, gate: bool = False
    ) -> None:
        """Make the tables.

        Args:
            n_symbols: 0 to n - 1 are known.
            width: of the rows.
            ngrams: hashed n-grams that are added; None: none.
            gate: whether the place before is mixed in.
        """
        super().__init__()
        self._n_symbols, self._ngrams = n_symbols, ngrams
        self.rows = nn.Embedding(n_symbols, width)
        sizes = ngrams.sizes if ngrams is not None else ()
        buckets = ngrams.n_buckets if ngrams is not None else 0
        self.ngram_rows = nn.ModuleList(nn.Embedding(buckets, width) for _ in sizes)
        self.gate = nn.Linear(width, width) if gate else None
        self._before = max(sizes, default=1) - 1

    def open_gate(self) -> None:
        """Set the gate's bias to where it begins; for after a draw of all parameters."""
        if self.gate is not None:
            nn.init.constant_(self.gate.bias, _CLOSED)

    def start(self) -> SymbolContext:
        """The context of no text."""
        weight = self.rows.weight
        symbols = torch.full((self._before,), self._n_symbols, device=weight.device)
        return SymbolContext(symbols, weight.new_zeros(weight.shape[1]))

    def forward(self, symbols: torch.Tensor) -> torch.Tensor:
        """Float (n, length, width) of int64 (n, length): whole texts."""
        start = self.start()
        before = start.symbols.expand(len(symbols), -1)
        embedded = self._embedded(torch.cat([before, symbols], 1))
        return self._gated(embedded, start.vector.expand(len(symbols), 1, -1))

    def packed(self, symbols: torch.Tensor, groups: Groups) -> torch.Tensor:
        """Many short texts that stand one after another.

        Args:
            symbols: int64 (places,).
            groups: how many texts there are of which length, in order.

        Returns:
            float (places, width); what is before a text is what is before any.
        """
        place = places_within(groups, symbols.device)
        padded = functional.pad(symbols, (self._before, 0), value=self._n_symbols)
        last = torch.stack(
            [
                padded[step : step + len(symbols)].where(
                    place >= self._before - step, self._n_symbols
                )
                for step in range(self._before + 1)
            ],
            1,
        )
        embedded = self._embedded(last)[:, 0]
        if self.gate is None:
            return embedded
        before = functional.pad(embedded[:-1], (0, 0, 1, 0)).where(place[:, None] > 0, 0.0)
        return embedded + torch.sigmoid(self.gate(embedded)) * before

    def extend(
        self, symbols: torch.Tensor, lengths: Sequence[int], contexts: Sequence[SymbolContext]
    ) -> tuple[torch.Tensor, list[SymbolContext]]:
        """Texts that go on.

        Args:
            symbols: int64 (n, longest), padding behind.
            lengths: of each, 0 or more.
            contexts: of each.

        Returns:
            float (n, longest, width), and the contexts of the longer texts.
        """
        joined = torch.cat([torch.stack([each.symbols for each in contexts]), symbols], 1)
        embedded = self._embedded(joined)
        vectors = torch.stack([each.vector for each in contexts])[:, None]
        later = [
            SymbolContext(
                joined[place, length : length + self._before].clone(),
                embedded[place, length - 1].clone() if length else contexts[place].vector,
            )
            for place, length in enumerate(lengths)
        ]
        return self._gated(embedded, vectors), later

    def _embedded(self, symbols: torch.Tensor) -> torch.Tensor:
        """Rows of all symbols but the first ones, which are context."""
        total = self.rows(symbols[:, self._before :])
        if self._ngrams is not None:
            for size, table in zip(self._ngrams.sizes, self.ngram_rows, strict=True):
                buckets = hashed_ngrams(symbols[:, self._before + 1 - size :], size, self._ngrams)
                total = total + table(buckets)
        return total

    def _gated(self, embedded: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        if self.gate is None:
            return embedded
        previous = torch.cat([before, embedded[:, :-1]], 1)
        return embedded + torch.sigmoid(self.gate(embedded)) * previous


def hashed_ngrams(symbols: torch.Tensor, size: int, config: NgramConfig) -> torch.Tensor:
    """Buckets of the n-grams of one size: FNV-1a over symbols, 64 bits.

    Args:
        symbols: int64 (n, length).
        size: symbols of an n-gram, at most `length`.
        config: buckets and seed.

    Returns:
        int64 (n, length - size + 1), from 0 to `n_buckets` - 1.
    """
    length = symbols.shape[1] - size + 1
    hashed = torch.full_like(symbols[:, :length], config.seed * 1_000_003 + size)
    for place in range(size):
        hashed = (hashed ^ (symbols[:, place : place + length] + 1)) * _PRIME
    return (hashed ^ (hashed >> _MIXED)).remainder(config.n_buckets)
