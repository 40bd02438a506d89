"""Tiny text models, one or more of each kind: a new kind joins all tests of text models by a line.

Each is built with parameters that are drawn anew and enlarged, so that no part of it is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from tokkit.models.blocks.options import NgramConfig, StackConfig
from tokkit.models.byte.config import ByteConfig
from tokkit.models.byte.model import ByteTransformer
from tokkit.models.hierarchical.config import HierarchicalConfig
from tokkit.models.hierarchical.model import HierarchicalTransformer
from tokkit.models.spacebyte.config import SpaceByteConfig
from tokkit.models.spacebyte.model import SpaceByte
from tokkit.models.subword.config import SubwordConfig
from tokkit.models.subword.model import SubwordTransformer
from tokkit.models.subword.vocabulary import train_tokenizer
from tokkit.models.text_models.text_model import TextModel
from tokkit.models.word_pooled.config import WordPooledConfig
from tokkit.models.word_pooled.model import WordPooledTransformer
from tokkit.models.words.cutting import UnitOptions
from tokkit.text.tokenizer import TextTokenizer

WIDTH = 16
STACK = StackConfig(width=WIDTH, n_layers=2, n_heads=2)
LOCAL = StackConfig(width=WIDTH, n_layers=2, n_heads=2, window=5)
WIDE = StackConfig(width=24, n_layers=2, n_heads=2)
NGRAMS = NgramConfig(sizes=(2, 3), n_buckets=64)


@cache
def tokenizer() -> TextTokenizer:
    """A tokenizer of 300 tokens."""
    return train_tokenizer([b"Hi there, can't you see there are 3.14 others? " * 3], vocab_size=300)


@dataclass(frozen=True)
class Toy:
    """How a tiny model is built.

    Attributes:
        build: gives one in float32.
        name: for test ids.
        slow: whether the laws take a while, or others show the same.
    """

    name: str
    build: Callable[[], TextModel]
    slow: bool = False

    def made(self, dtype: torch.dtype = torch.float32) -> Any:
        """A model whose parameters all matter, in evaluation mode."""
        model = self.build()
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for each in model.parameters():
                each.add_(torch.randn(each.shape, generator=generator) * 0.2)
        return model.to(dtype).eval()


TOYS = [
    Toy("byte", lambda: ByteTransformer(ByteConfig(STACK))),
    Toy("byte+", lambda: ByteTransformer(ByteConfig(STACK, ngrams=NGRAMS, gate=True))),
    Toy("byte-ahead", lambda: ByteTransformer(ByteConfig(STACK, ahead=2)), slow=True),
    Toy("byte-window", lambda: ByteTransformer(ByteConfig(LOCAL, ngrams=NGRAMS))),
    Toy("subword", lambda: SubwordTransformer(SubwordConfig(STACK), tokenizer())),
    Toy(
        "subword+",
        lambda: SubwordTransformer(
            SubwordConfig(LOCAL, ngrams=NGRAMS, gate=True, ahead=1), tokenizer()
        ),
    ),
    Toy("spacebyte", lambda: SpaceByte(SpaceByteConfig(LOCAL, WIDE, LOCAL, ahead=1))),
    Toy(
        "hierarchical",
        lambda: HierarchicalTransformer(
            HierarchicalConfig(encoder=LOCAL, decoder=LOCAL, backbone=WIDE)
        ),
    ),
    Toy(
        "hierarchical+",
        lambda: HierarchicalTransformer(
            HierarchicalConfig(
                units=UnitOptions(rule="separator", unit_bytes=4, max_bytes=6),
                encoder=None,
                decoder=LOCAL,
                backbone=WIDE,
                byte_block="convolution",
                hashed_units=16,
                hashed_prefixes=16,
                ahead=2,
                ngrams=NGRAMS,
                gate=True,
            )
        ),
    ),
    Toy(
        "hierarchical-paper",
        lambda: HierarchicalTransformer(
            HierarchicalConfig(form="paper", encoder=STACK, decoder=STACK, backbone=WIDE)
        ),
        slow=True,
    ),
    Toy(
        "hierarchical-paper+",
        lambda: HierarchicalTransformer(
            HierarchicalConfig(
                form="paper",
                units=UnitOptions(rule="whitespace", unit_bytes=4, max_bytes=6),
                encoder=STACK,
                decoder=STACK,
                backbone=WIDE,
                hashed_units=16,
                ngrams=NGRAMS,
                gate=True,
            )
        ),
    ),
    Toy("word-pooled", lambda: WordPooledTransformer(WordPooledConfig(STACK, WIDE, STACK, 3))),
    Toy(
        "word-pooled+",
        lambda: WordPooledTransformer(
            WordPooledConfig(
                *(STACK, STACK, STACK, 1),
                ngrams=NGRAMS,
                gate=True,
                word_buckets=16,
                units=UnitOptions(max_bytes=2),
            )
        ),
        slow=True,
    ),
]
