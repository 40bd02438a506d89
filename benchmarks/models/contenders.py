"""The models that `words.py` trains side by side, each a name and how it is built.

All have backbones of about the same cost a second: width 192 with 3 layers over bytes or tokens,
and wider ones over units, of which there are fewer. `+` is hashed n-grams and a gate on the place
before; a `control` has as many parameters as the model that it is named after, elsewhere. `ahead`
learns to predict more symbols than the next one, by layers of its own; its control has larger
feed-forward layers. `wide` has a wider backbone; its control has more rows for whole units.
`lookahead` has units that the byte behind them closes, where those of `best` end with a byte that
closes them; that takes no parameters, so that `best` itself is the control. `muon` is trained with
that optimiser; its control is what it is named after. The control of `byte+` is a wider model of
bytes, that of `byte` is as large as the subword model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

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
AHEAD = 3
"""Symbols after the next one that some learn to predict, by as many layers of width times width."""
AS_LARGE_AS_PLUS = StackConfig(width=536, n_layers=3, n_heads=4, inner=1487)
"""As many parameters as the byte model with n-grams and gate, within 0.1%."""
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
        optimizer: see `TrainingOptions`.
    """

    name: str
    build: Callable[[TextTokenizer, int], TextModel]
    optimizer: Literal["adamw", "muon"] = "adamw"


def _of_tokens(name: str, config: SubwordConfig) -> Contender:
    return Contender(name, lambda tokenizer, seed: SubwordTransformer(config, tokenizer, seed=seed))


def _of_bytes(name: str, kind: Callable[..., TextModel], config: Any) -> Contender:
    return Contender(name, lambda _, seed: kind(config, seed=seed))


def _units(unit_bytes: int) -> HierarchicalConfig:
    return replace(BEST, units=replace(BEST.units, unit_bytes=unit_bytes))


def _as_large(stack: StackConfig) -> StackConfig:
    """A stack with as many parameters more, in its feed-forward layers, as `AHEAD` takes."""
    return replace(stack, inner=stack.inner_width + AHEAD * stack.width // (3 * stack.n_layers))


_WIDE = replace(BEST, backbone=StackConfig(width=512, n_layers=4, n_heads=8))
_AS_WIDE = replace(BEST, hashed_units=BEST.hashed_units + 20_462)
"""As many parameters as `_WIDE`, within 0.1%."""
_LOOKAHEAD = replace(BEST, units=replace(BEST.units, rule="uax29"))
_PLUS = ByteConfig(STACK, ngrams=NGRAMS, gate=True)
_PLUS_AHEAD = replace(_PLUS, ahead=AHEAD)
_SUBWORD_PLUS = _of_tokens("subword+", SubwordConfig(STACK, ngrams=NGRAMS, gate=True))
_BYTE_PLUS = _of_bytes("byte+", ByteTransformer, _PLUS)
_BEST = _of_bytes("best", HierarchicalTransformer, BEST)
CONTENDERS = [
    _of_tokens("subword", SubwordConfig(STACK)),
    _SUBWORD_PLUS,
    _of_bytes("byte", ByteTransformer, ByteConfig(STACK)),
    _of_bytes("byte-control", ByteTransformer, ByteConfig(AS_LARGE)),
    _BYTE_PLUS,
    _of_bytes("byte+control", ByteTransformer, ByteConfig(AS_LARGE_AS_PLUS)),
    _of_bytes("byte+ahead", ByteTransformer, _PLUS_AHEAD),
    _of_bytes("byte+ahead-control", ByteTransformer, replace(_PLUS, backbone=_as_large(STACK))),
    _of_bytes("spacebyte", SpaceByte, SpaceByteConfig()),
    _of_bytes("word-pooled-1", WordPooledTransformer, WordPooledConfig(n_vectors=1)),
    _of_bytes("word-pooled-4", WordPooledTransformer, WordPooledConfig(n_vectors=4)),
    _of_bytes("hierarchical-paper", HierarchicalTransformer, HierarchicalConfig(form="paper")),
    _of_bytes("hierarchical", HierarchicalTransformer, HierarchicalConfig()),
    _of_bytes(
        "hierarchical+", HierarchicalTransformer, HierarchicalConfig(ngrams=NGRAMS, gate=True)
    ),
    _BEST,
    _of_bytes("best-ahead", HierarchicalTransformer, replace(BEST, ahead=AHEAD)),
    _of_bytes(
        "best-ahead-control",
        HierarchicalTransformer,
        replace(BEST, decoder=_as_large(BEST.decoder)),
    ),
    _of_bytes("best-wide", HierarchicalTransformer, _WIDE),
    _of_bytes("best-wide-control", HierarchicalTransformer, _AS_WIDE),
    _of_bytes("best-lookahead", HierarchicalTransformer, _LOOKAHEAD),
    _of_bytes("best-units-4", HierarchicalTransformer, _units(4)),
    _of_bytes("best-units-12", HierarchicalTransformer, _units(12)),
    *(
        replace(each, name=f"{each.name}-muon", optimizer="muon")
        for each in (_SUBWORD_PLUS, _BYTE_PLUS, _BEST)
    ),
]
BY_NAME = {each.name: each for each in CONTENDERS}
