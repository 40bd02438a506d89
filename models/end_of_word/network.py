"""A backbone between a reader and a writer of words: `EndOfWordNetwork`.

1. Each distinct word of the batch is encoded once.
2. The backbone reads the beginning of each text and its words, `n_vectors` slots for each.
3. All words are decoded at the same time, each after what the backbone says before it.

The backbone sees whole words alone, and a word is decoded from what is before it, so nothing leaks:
not the rest of a word into its first bytes, not padding, not the words of other texts.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tokkit.bytelm.byte_state import N_SYMBOLS
from tokkit.models.blocks.embedding import SymbolEmbedding
from tokkit.models.blocks.stack import Stack
from tokkit.models.end_of_word.batches import WordBatch
from tokkit.models.end_of_word.decoder import WordDecoder
from tokkit.models.end_of_word.encoder import WordEncoder
from tokkit.models.end_of_word.law import forbidden_symbols, masked_nats
from tokkit.models.end_of_word.packing import Packing
from tokkit.models.end_of_word.shape import EndOfWordShape
from tokkit.models.text_models.windows import Windows
from tokkit.models.words.cutting import UnitCutter
from tokkit.models.words.distinct import distinct_words


class EndOfWordNetwork(nn.Module):
    """Encoder, backbone and decoder.

    Attributes:
        shape: their sizes.
        cutter: cuts texts into words.
        forbidden: bool (kinds of places, 257), see `forbidden_symbols`.
    """

    forbidden: torch.Tensor

    def __init__(self, shape: EndOfWordShape) -> None:
        """Make the parts; parameters are to be drawn (`draw_parameters`, then `open_gates`)."""
        super().__init__()
        self.shape = shape
        self.cutter = UnitCutter(shape.units)
        self.encoder = WordEncoder(shape)
        self.start = nn.Embedding(shape.n_vectors, shape.backbone.width)
        self.backbone = Stack(shape.backbone)
        self.embedding = SymbolEmbedding(
            N_SYMBOLS, shape.decoder.width, ngrams=shape.ngrams, gate=shape.gate
        )
        self.decoder = WordDecoder(shape)
        forbidden = torch.from_numpy(forbidden_symbols(self.cutter.word_rule).copy())
        self.register_buffer("forbidden", forbidden, persistent=False)

    def open_gates(self) -> None:
        """Set the gates of the embeddings to where they begin."""
        self.encoder.embedding.open_gate()
        self.embedding.open_gate()

    def nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.nats`."""
        batch = WordBatch.of(windows.data, windows.ends.tolist(), self.cutter)
        if not len(batch.starts):
            return self.start.weight.sum() * torch.zeros(len(windows), device=self.device)
        packing = Packing.of(batch.lengths)
        prefix = self.decoder.project(self._states(batch, packing))
        logits = self.decoder(prefix, self._embedded(batch, packing, windows), packing.groups)
        targets, kinds, text = (
            torch.from_numpy(each).to(self.device)
            for each in batch.targets(packing, self.cutter.word_rule)
        )
        if not torch.is_grad_enabled():  # what is asked of a model is summed in float64
            logits = logits.double()
        nats = masked_nats(logits, self.forbidden[kinds], targets)
        return nats.new_zeros(len(windows)).index_add(0, text, nats)

    def training_nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.training_nats`."""
        return self.nats(windows)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.start.weight.device

    def _states(self, batch: WordBatch, packing: Packing) -> torch.Tensor:
        """What the backbone says before each word, as they are packed: (words, k, width)."""
        real = np.flatnonzero(batch.lengths)
        vector = np.zeros(len(batch.starts), np.int64)
        vectors = self.start.weight[None]
        if len(real):
            found = distinct_words(batch.data, (batch.starts + batch.lengths)[real])
            vector[real] = found.number
            chosen = real[found.first]
            read = self.encoder(batch.data, batch.starts[chosen], batch.lengths[chosen])
            vectors = torch.cat([vectors, read])
        slots = torch.from_numpy(batch.slots(vector)).to(self.device)
        x = functional.embedding(slots, vectors.flatten(1)).unflatten(2, vectors.shape[1:])
        states = self.backbone(x.flatten(1, 2)).view(-1, *vectors.shape[1:])
        places = (batch.text * slots.shape[1] + batch.number)[packing.order]
        return states[torch.from_numpy(places).to(self.device)]

    def _embedded(self, batch: WordBatch, packing: Packing, windows: Windows) -> torch.Tensor:
        """The bytes of all words, as they are packed: (bytes, width)."""
        word, step = packing.steps()
        text = batch.text[word]
        column = 1 + batch.starts[word] + step - batch.text_starts[text]
        embedded = self.embedding(windows.symbols)
        places = torch.from_numpy(text * embedded.shape[1] + column).to(self.device)
        return embedded.flatten(0, 1)[places]
