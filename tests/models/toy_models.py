"""Tiny text models, one or more of each kind: a new kind joins all tests of text models by a line.

Each is built with parameters that are drawn anew and enlarged, so that no part of it is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from tokkit.models.blocks.options import NgramConfig, StackConfig
from tokkit.models.byte.config import ByteConfig
from tokkit.models.byte.model import ByteTransformer
from tokkit.models.text_models.text_model import TextModel

WIDTH = 16
STACK = StackConfig(width=WIDTH, n_layers=2, n_heads=2)
NGRAMS = NgramConfig(sizes=(2, 3), n_buckets=64)


@dataclass(frozen=True)
class Toy:
    """How a tiny model is built.

    Attributes:
        build: gives one in float32.
        name: for test ids.
    """

    name: str
    build: Callable[[], TextModel]

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
    Toy(
        "byte-window",
        lambda: ByteTransformer(
            ByteConfig(StackConfig(width=WIDTH, n_layers=2, n_heads=2, window=5))
        ),
    ),
]
