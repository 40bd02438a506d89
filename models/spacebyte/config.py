"""The shape of a `SpaceByte`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.arguments import check_whole, settle_fields
from tokkit.errors import ArgumentError
from tokkit.models.blocks.options import MOST_AHEAD, NgramConfig, StackConfig
from tokkit.models.words.cutting import UnitOptions


def _local() -> StackConfig:
    return StackConfig(width=192, n_layers=1, n_heads=4, window=192)


def _global() -> StackConfig:
    return StackConfig(width=384, n_layers=2, n_heads=6)


def _spacelike() -> UnitOptions:
    return UnitOptions(rule="spacelike", max_bytes=None)


@dataclass(frozen=True)
class SpaceByteConfig:
    """Local blocks, global blocks, local blocks.

    The defaults have the proportions of the paper (section 4.1): local blocks of half the width of
    the global ones, as many of them, half before and half behind, and a window of as many bytes as
    they are wide.

    Attributes:
        initial: local blocks, over bytes.
        backbone: global blocks, over the bytes that close a unit; at least as wide.
        final: local blocks, of the width of the initial ones.
        units: which bytes those are; by a rule whose units hold the byte that closes them.
        ngrams: hashed n-grams of bytes whose embeddings are added; None: none.
        gate: whether the embedding of the byte before is mixed into each.
        ahead: further symbols that each place learns to predict, after the next one; see
            `tokkit.models.text_models.further_symbols`. They take part in training alone.
    """

    initial: StackConfig = field(default_factory=_local)
    backbone: StackConfig = field(default_factory=_global)
    final: StackConfig = field(default_factory=_local)
    units: UnitOptions = field(default_factory=_spacelike)
    ngrams: NgramConfig | None = None
    gate: bool = False
    ahead: int = 0

    def __post_init__(self) -> None:
        """Check what the parts cannot check by themselves.

        Raises:
            ArgumentError: a value of another type, or parts that do not fit.
        """
        settle_fields(self)
        check_whole("ahead", self.ahead, 0, MOST_AHEAD)
        if self.initial.width != self.final.width or self.initial.width > self.backbone.width:
            raise ArgumentError(
                f"initial, global and final blocks are {self.initial.width}, "
                f"{self.backbone.width} and {self.final.width} wide; expected the local ones "
                "alike, and no wider than the global ones"
            )
        if self.backbone.window is not None:
            raise ArgumentError("global blocks have no window: each place sees all before")
        if not self.units.holds_closing_byte:
            raise ArgumentError(
                f"units by {self.units.rule!r} end before the byte that closes them; global blocks "
                "stand at that byte: use 'spacelike' or 'separator'"
            )
