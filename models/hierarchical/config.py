"""The shape of a `HierarchicalTransformer`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tokkit.arguments import check_whole, settle_fields
from tokkit.errors import ArgumentError
from tokkit.models.blocks.options import MOST_AHEAD, NgramConfig, StackConfig
from tokkit.models.words.cutting import UnitOptions
from tokkit.models.words.pooling import PoolingKind

Form = Literal["release", "paper"]
ByteBlock = Literal["attention", "convolution"]

_MOST_BUCKETS = 1 << 28


def _few_bytes() -> StackConfig:
    return StackConfig(width=192, n_layers=1, n_heads=4, window=64)


def _many_units() -> StackConfig:
    return StackConfig(width=384, n_layers=4, n_heads=6)


@dataclass(frozen=True)
class HierarchicalConfig:
    """A transformer over units of bytes, between an encoder and a decoder of bytes.

    Attributes:
        form: `"release"`, the layout of the published checkpoints; `"paper"`, in which words are
            encoded as a whole and decoded up to a symbol for their end (`window`, `kernel` and
            `pooling` play no part).
        units: where units end.
        encoder: of bytes; None: the embeddings of bytes are pooled as they are.
        decoder: of bytes, of the same width.
        backbone: of units.
        byte_block: what bytes read others by, in the encoder and in the decoder: attention, or a
            causal convolution, for which heads and window of both play no part.
        kernel: bytes that a convolution reads, its own included.
        pooling: how the bytes of a unit become one vector; attention has the heads of the backbone.
        hashed_units: rows of a table for whole units by their hash, which are added to the pooled
            vectors; 0: none.
        hashed_prefixes: rows of a table for the beginning of a unit up to a byte by its hash, which
            are added to the embedding of that byte; 0: none.
        ngrams: hashed n-grams of bytes whose embeddings are added; None: none.
        gate: whether the embedding of the byte before is mixed into each.
        ahead: further symbols that each place learns to predict, after the next one; see
            `tokkit.models.text_models.further_symbols`. They take part in training alone, and are
            of the release form.
    """

    form: Form = "release"
    units: UnitOptions = field(default_factory=UnitOptions)
    encoder: StackConfig | None = field(default_factory=_few_bytes)
    decoder: StackConfig = field(default_factory=_few_bytes)
    backbone: StackConfig = field(default_factory=_many_units)
    byte_block: ByteBlock = "attention"
    kernel: int = 4
    pooling: PoolingKind = "attention"
    hashed_units: int = 0
    hashed_prefixes: int = 0
    ngrams: NgramConfig | None = None
    gate: bool = False
    ahead: int = 0

    def __post_init__(self) -> None:
        """Check what the parts cannot check by themselves.

        Raises:
            ArgumentError: a value of another type or out of range, or parts that do not fit.
        """
        settle_fields(self)
        check_whole("kernel", self.kernel, 1, 1024)
        check_whole("hashed_units", self.hashed_units, 0, _MOST_BUCKETS)
        check_whole("hashed_prefixes", self.hashed_prefixes, 0, _MOST_BUCKETS)
        check_whole("ahead", self.ahead, 0, MOST_AHEAD)
        if self.ahead and self.form != "release":
            raise ArgumentError(f"ahead is {self.ahead}; expected 0 in the paper's form")
        if self.encoder is not None and self.encoder.width != self.decoder.width:
            raise ArgumentError(
                f"encoder and decoder are {self.encoder.width} and {self.decoder.width} wide; both "
                "work on the same bytes, so give them the same width"
            )
        if self.backbone.window is not None:
            raise ArgumentError("a backbone has no window: units are few, and each sees all before")
