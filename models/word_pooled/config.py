"""The shape of a `WordPooledTransformer`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.models.blocks.options import StackConfig
from tokkit.models.end_of_word.shape import EndOfWordShape


def _within_words() -> StackConfig:
    return StackConfig(width=128, n_layers=1, n_heads=4)


@dataclass(frozen=True)
class WordPooledConfig(EndOfWordShape):
    """A transformer over pooled words; attributes as those of `EndOfWordShape`."""

    encoder: StackConfig = field(default_factory=_within_words)
    backbone: StackConfig = field(default_factory=StackConfig)
    decoder: StackConfig = field(default_factory=_within_words)
    n_vectors: int = 1
