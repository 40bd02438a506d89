"""Sizes of the shared parts."""

from __future__ import annotations

from dataclasses import dataclass

from tokkit.arguments import check_whole, settle_fields
from tokkit.errors import ArgumentError

_MULTIPLE = 32
"""Of the inner width of a feed-forward layer, where none is given."""
_MOST_WIDTH = 1 << 16
MOST_LAYERS = 1 << 10
_MOST_WINDOW = 1 << 40
_MOST_BUCKETS = 1 << 28
_MOST_SEED = (1 << 43) - 1
"""Of hashes: times a million, it fits in 64 bits."""
MOST_AHEAD = 64
"""Symbols after the next one that a model may learn to predict, at most."""


@dataclass(frozen=True)
class StackConfig:
    """A stack of transformer blocks.

    Attributes:
        width: of the states.
        n_layers: blocks.
        n_heads: of attention, each of an even number of columns.
        inner: of the feed-forward layers; None: 8/3 of the width, rounded up to a multiple of 32.
        window: places that a place attends to, itself included; None: all before it.
        rope_base: of the rotary positions.
        norm_eps: of the norms.
    """

    width: int = 192
    n_layers: int = 3
    n_heads: int = 4
    inner: int | None = None
    window: int | None = None
    rope_base: float = 10_000.0
    norm_eps: float = 1e-6

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: a size out of range, or that does not fit another.
        """
        settle_fields(self)
        check_whole("width", self.width, 1, _MOST_WIDTH)
        check_whole("n_layers", self.n_layers, 1, MOST_LAYERS)
        check_whole("n_heads", self.n_heads, 1, self.width)
        if self.inner is not None:
            check_whole("inner", self.inner, 1, _MOST_WIDTH * 8)
        if self.window is not None:
            check_whole("window", self.window, 1, _MOST_WINDOW)
        for name in ("rope_base", "norm_eps"):
            if getattr(self, name) <= 0:
                raise ArgumentError(f"{name} is {getattr(self, name)}; expected more than 0")
        if self.width % (2 * self.n_heads):
            raise ArgumentError(
                f"width is {self.width}, and {self.n_heads} heads need a multiple of "
                f"{2 * self.n_heads}"
            )

    @property
    def head_width(self) -> int:
        """Columns of a head."""
        return self.width // self.n_heads

    @property
    def inner_width(self) -> int:
        """Of the feed-forward layers."""
        if self.inner is not None:
            return self.inner
        return -(-8 * self.width // (3 * _MULTIPLE)) * _MULTIPLE


@dataclass(frozen=True)
class NgramConfig:
    """Hashed n-grams whose embeddings are added to those of single symbols.

    Attributes:
        sizes: symbols of the n-grams, each 2 or more, increasing.
        n_buckets: rows for the n-grams of each size.
        seed: of the hashes.
    """

    sizes: tuple[int, ...] = (2, 3, 4)
    n_buckets: int = 16_384
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: no size, or one out of range or order.
        """
        settle_fields(self)
        for size in self.sizes:
            check_whole("a size of n-grams", size, 2, 64)
        if not self.sizes or list(self.sizes) != sorted(set(self.sizes)):
            raise ArgumentError(f"sizes of n-grams are {self.sizes}; expected increasing numbers")
        check_whole("n_buckets", self.n_buckets, 1, _MOST_BUCKETS)
        check_whole("seed", self.seed, 0, _MOST_SEED)
