"""The shape of a `SubwordTransformer`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.arguments import check_flags, check_kind, check_whole
from tokkit.models.blocks.options import NgramConfig, StackConfig


@dataclass(frozen=True)
class SubwordConfig:
    """A transformer over tokens; how many there are is the tokenizer's.

    Attributes:
        backbone: the stack of blocks.
        ngrams: hashed n-grams of tokens whose embeddings are added; None: none.
        gate: whether the embedding of the place before is mixed into each.
        eos_id: what precedes and ends every text; None: the tokenizer's, or else the first of its
            special tokens.
    """

    backbone: StackConfig = field(default_factory=StackConfig)
    ngrams: NgramConfig | None = None
    gate: bool = False
    eos_id: int | None = None

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            ArgumentError: one is another.
        """
        check_kind(self.backbone, StackConfig, "backbone")
        check_kind(self.ngrams, (NgramConfig, type(None)), "ngrams")
        check_flags(gate=self.gate)
        if self.eos_id is not None:
            check_whole("eos_id", self.eos_id, 0)
