"""The shape of a `SubwordTransformer`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.arguments import check_whole, settle_fields
from tokkit.models.blocks.options import MOST_AHEAD, NgramConfig, StackConfig


@dataclass(frozen=True)
class SubwordConfig:
    """A transformer over tokens; how many there are is the tokenizer's.

    Attributes:
        backbone: the stack of blocks.
        ngrams: hashed n-grams of tokens whose embeddings are added; None: none.
        gate: whether the embedding of the place before is mixed into each.
        ahead: further symbols that each place learns to predict, after the next one; see
            `tokkit.models.text_models.further_symbols`. They take part in training alone.
        eos_id: what precedes and ends every text; None: the tokenizer's, or else the first of its
            special tokens.
    """

    backbone: StackConfig = field(default_factory=StackConfig)
    ngrams: NgramConfig | None = None
    gate: bool = False
    ahead: int = 0
    eos_id: int | None = None

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            ArgumentError: one is another.
        """
        settle_fields(self)
        check_whole("ahead", self.ahead, 0, MOST_AHEAD)
        if self.eos_id is not None:
            check_whole("eos_id", self.eos_id, 0)
