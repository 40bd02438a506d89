"""The sizes of an `EndOfWordNetwork`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.arguments import check_whole, settle_fields
from tokkit.errors import ArgumentError
from tokkit.models.blocks.options import NgramConfig, StackConfig
from tokkit.models.words.cutting import UnitOptions

_LONGEST = 1 << 10
"""A word is read as a whole, and again whenever a byte is added to it."""
_MOST_BUCKETS = 1 << 28


@dataclass(frozen=True)
class EndOfWordShape:
    """Sizes of the parts, and what a word is.

    Attributes:
        encoder: reads the bytes of a word.
        backbone: reads words.
        decoder: writes the bytes of a word.
        n_vectors: that a word becomes.
        ngrams: hashed n-grams of bytes whose embeddings are added in encoder and decoder; None:
            none.
        gate: whether the embedding of the byte before is mixed into each, in both.
        word_buckets: rows for whole words, hashed, that are added to what the encoder makes of
            each; None: none.
        units: what a word is: those of `tokkit.text.words`, or several merged to a least length.
    """

    encoder: StackConfig
    backbone: StackConfig
    decoder: StackConfig
    n_vectors: int = 1
    ngrams: NgramConfig | None = None
    gate: bool = False
    word_buckets: int | None = None
    units: UnitOptions = field(default_factory=UnitOptions)

    def __post_init__(self) -> None:
        """Check types and ranges.

        Raises:
            ArgumentError: one does not fit.
        """
        settle_fields(self)
        for name in ("encoder", "backbone", "decoder"):
            if getattr(self, name).window is not None:
                raise ArgumentError(
                    f"{name} has a window, and words are read as a whole; pass None"
                )
        check_whole("n_vectors", self.n_vectors, 1, 64)
        if self.word_buckets is not None:
            check_whole("word_buckets", self.word_buckets, 1, _MOST_BUCKETS)
        if self.units.holds_closing_byte:
            raise ArgumentError(
                f"units end by the rule {self.units.rule!r}, which needs no symbol for their end; "
                "expected 'uax29' or 'whitespace'"
            )
        if self.units.max_bytes is None or self.units.unit_bytes + self.units.max_bytes > _LONGEST:
            raise ArgumentError(
                f"units have max_bytes={self.units.max_bytes} and "
                f"unit_bytes={self.units.unit_bytes}; expected no more than {_LONGEST} together"
            )
