"""The shape of a `ByteTransformer`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.arguments import check_whole, settle_fields
from tokkit.models.blocks.options import MOST_AHEAD, NgramConfig, StackConfig


@dataclass(frozen=True)
class ByteConfig:
    """A transformer over bytes.

    Attributes:
        backbone: the stack of blocks.
        ngrams: hashed n-grams of bytes whose embeddings are added; None: none.
        gate: whether the embedding of the place before is mixed into each.
        ahead: further symbols that each place learns to predict, after the next one; see
            `tokkit.models.text_models.further_symbols`. They take part in training alone.
    """

    backbone: StackConfig = field(default_factory=StackConfig)
    ngrams: NgramConfig | None = None
    gate: bool = False
    ahead: int = 0

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            ArgumentError: one is another.
        """
        settle_fields(self)
        check_whole("ahead", self.ahead, 0, MOST_AHEAD)
