"""`WordPooledTransformer`: a model of bytes whose backbone reads k pooled vectors of each word.

"Learn Your Tokens: Word-Pooled Tokenization for Language Modeling" (Thawani et al., Findings of
EMNLP 2023), section 3:

1. k rows [CLS] and the bytes of a word attend to one another; what is at the k rows is the word.
2. A causal transformer reads the k vectors of each word.
3. The bytes of the next word are predicted after the k vectors that it says, all words at the same
   time.

Deviations: the end of a word and the bytes that begin one are tied to the rule of words, so that
probabilities of bytes are exact (`tokkit.models.end_of_word.law`); the paper's words end at white
space, here at the boundaries of UAX #29 unless `units` says otherwise; widths of the three parts
may differ. In the released code the baselines have no positions, and padding is attended to; here
positions are rotary in all three, and there is no padding within words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import Bounds
from tokkit.models.blocks.stack import draw_parameters
from tokkit.models.end_of_word.body import EndOfWordBody
from tokkit.models.end_of_word.reading import WordCache
from tokkit.models.text_models.text_model import CachedTextModel
from tokkit.models.text_models.windows import Windows
from tokkit.models.word_pooled.config import WordPooledConfig


class WordPooledTransformer(CachedTextModel):
    """A `ByteModel` of words and their bytes.

    Attributes:
        body: encoder, backbone and decoder.
    """

    kind: ClassVar[str] = "word-pooled-transformer"
    config_class: ClassVar[Any] = WordPooledConfig

    def __init__(self, config: WordPooledConfig | None = None, *, seed: int = 0) -> None:
        """Build it, with parameters that are drawn.

        Args:
            config: its shape; the default trains on a laptop.
            seed: of the draw.
        """
        super().__init__()
        self.config = config or WordPooledConfig()
        self.name = "word-pooled transformer"
        self.body = EndOfWordBody(self.config)
        draw_parameters(self, seed=seed)
        self.body.open_gates()

    def nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.nats`."""
        return self.body.nats(windows)

    @property
    def rows_cost_more(self) -> bool:
        """See `CachedTextModel.rows_cost_more`: behind every byte the word so far is encoded."""
        return True

    def begin(self) -> tuple[WordCache, NDArray[np.float64]]:
        """See `CachedTextModel.begin`."""
        with self.evaluating():
            return self.body.begin()

    def extend(
        self, caches: Sequence[WordCache], data: Sequence[bytes]
    ) -> tuple[list[WordCache], list[NDArray[np.float64]]]:
        """See `CachedTextModel.extend`."""
        with self.evaluating():
            return self.body.extend(caches, data)

    def read_through(
        self, caches: Sequence[WordCache], data: Sequence[bytes]
    ) -> tuple[list[WordCache], list[NDArray[np.float64]]]:
        """See `CachedTextModel.read_through`."""
        with self.evaluating():
            return self.body.read_through(caches, data)

    @property
    def glances(self) -> bool:
        """See `CachedTextModel.glances`: the decoder knows the bytes that go on with a word."""
        return True

    def glance(self, cache: WordCache, data: bytes) -> Bounds | None:
        """See `CachedTextModel.glance`."""
        with self.evaluating():
            return self.body.glance(cache, data)
