"""The models that `words.py` trains side by side, each a name and how it is built.

All have backbones of about the same cost a second: width 192 with 3 layers over bytes or tokens,
and wider ones over units, of which there are fewer. `+` is hashed n-grams and a gate on the place
before; `control` is a plain model with as many parameters as the one before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tokkit.models.blocks.options import NgramConfig, StackConfig
from tokkit.models.byte.config import ByteConfig
from tokkit.models.byte.model import ByteTransformer
from tokkit.models.hierarchical.config import HierarchicalConfig
from tokkit.models.hierarchical.model import HierarchicalTransformer
from tokkit.models.spacebyte.config import SpaceByteConfig
from tokkit.models.spacebyte.model import SpaceByte
from tokkit.models.subword.config import SubwordConfig
from tokkit.models.subword.model import SubwordTransformer
from tokkit.models.text_models.text_model import TextModel
from tokkit.models.word_pooled.config import WordPooledConfig
from tokkit.models.word_pooled.model import WordPooledTransformer
from tokkit.models.words.cutting import UnitOptions
from tokkit.text.tokenizer import TextTokenizer

STACK = StackConfig(width=192, n_layers=3, n_heads=4)
AS_LARGE = StackConfig(width=352, n_layers=3, n_heads=4)
"""About as many parameters as the subword model, whose tables of 8,192 rows are most of it."""
NGRAMS = NgramConfig()
BEST = HierarchicalConfig(
    units=UnitOptions(rule="separator", unit_bytes=8, max_bytes=32),
    encoder=None,
    byte_block="convolution",
    hashed_units=16_384,
    ngrams=NGRAMS,
    gate=True,
)


@dataclass(frozen=True)
class Contender:
    """A model to train.

    Attributes:
        name: for tables and folders.
        build: gives it, from the tokenizer of the subword models and a seed.
    """

    name: str
    build: Callable[[TextTokenizer, int], TextModel]


def _subword(config: SubwordConfig, tokenizer: TextTokenizer, seed: int) -> TextModel:
    return SubwordTransformer(config, tokenizer, seed=seed)


def _byte(config: ByteConfig, _: TextTokenizer, seed: int) -> TextModel:
    return ByteTransformer(config, seed=seed)


def _hierarchical(config: HierarchicalConfig, _: TextTokenizer, seed: int) -> TextModel:
    return HierarchicalTransformer(config, seed=seed)


def _pooled(config: WordPooledConfig, _: TextTokenizer, seed: int) -> TextModel:
    return WordPooledTransformer(config, seed=seed)


def _spacebyte(config: SpaceByteConfig, _: TextTokenizer, seed: int) -> TextModel:
    return SpaceByte(config, seed=seed)


def _units(unit_bytes: int) -> HierarchicalConfig:
    return replace(BEST, units=replace(BEST.units, unit_bytes=unit_bytes))


CONTENDERS = [
    Contender("subword", partial(_subword, SubwordConfig(STACK))),
    Contender("subword+", partial(_subword, SubwordConfig(STACK, ngrams=NGRAMS, gate=True))),
    Contender("byte", partial(_byte, ByteConfig(STACK))),
    Contender("byte-control", partial(_byte, ByteConfig(AS_LARGE))),
    Contender("byte+", partial(_byte, ByteConfig(STACK, ngrams=NGRAMS, gate=True))),
    Contender("spacebyte", partial(_spacebyte, SpaceByteConfig())),
    Contender("word-pooled-1", partial(_pooled, WordPooledConfig(n_vectors=1))),
    Contender("word-pooled-4", partial(_pooled, WordPooledConfig(n_vectors=4))),
    Contender("hierarchical-paper", partial(_hierarchical, HierarchicalConfig(form="paper"))),
    Contender("hierarchical", partial(_hierarchical, HierarchicalConfig())),
    Contender(
        "hierarchical+",
        partial(_hierarchical, HierarchicalConfig(ngrams=NGRAMS, gate=True)),
    ),
    Contender("best", partial(_hierarchical, BEST)),
    Contender("best-units-4", partial(_hierarchical, _units(4))),
    Contender("best-units-12", partial(_hierarchical, _units(12))),
]
BY_NAME = {each.name: each for each in CONTENDERS}
