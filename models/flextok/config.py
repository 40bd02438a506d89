"""The shape of a `FlexTok`, and how it is taught."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tokkit.arguments import check_whole, settle_fields
from tokkit.errors import ArgumentError
from tokkit.models.blocks.options import MOST_LAYERS, StackConfig

_MOST_SIDE = 1 << 12
_MOST = 1 << 16
_MOST_PLACES = 1 << 13
"""Squares and registers together; who reads whom takes the square of their number."""


@dataclass(frozen=True)
class FlexTokRecipe:
    """How a `FlexTok` is taught; see `tokkit.models.flextok.learning`.

    Attributes:
        batch: pictures of a step.
        powers: share of the steps that keep a power of two of the ids (nested dropout of the
            paper's section 3.2); the others keep a number from 1 to all, evenly. With 1 no other
            number is learned, and a picture by three ids may be further than by two. Ignored where
            `budgets` are given.
        budgets: numbers of ids that are kept, each as often; empty: by `powers`.
        lengths: different numbers of ids that each step decodes all of its pictures by. The first
            id alone is always among them, if there are several: it has the most to tell.
        nearest: share of the steps in which the first code of each picture is the one that decodes
            to the nearest picture, whatever the encoder says; 0: none. It takes looking at all
            codes, so there are no such steps with more than 4,096, nor where `budgets` lack 1.
        flow_share: of the pictures of a step, from which the flow decoder learns; 0: it does not.
        unconditional: share of those whose ids are all hidden, for guidance.
        shift: pixels, by which pictures are moved at most, in each direction.
        flip: whether pictures are mirrored, left to right, half of the time.
    """

    batch: int = 48
    powers: float = 0.5
    budgets: tuple[int, ...] = ()
    lengths: int = 5
    nearest: float = 0.5
    flow_share: float = 0.25
    unconditional: float = 0.1
    shift: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: a value out of range.
        """
        settle_fields(self)
        check_whole("batch", self.batch, 2, _MOST)  # their deviation is taken
        check_whole("lengths", self.lengths, 1, _MOST)
        for name in ("powers", "nearest", "flow_share", "unconditional"):
            if not 0 <= getattr(self, name) <= 1:
                raise ArgumentError(f"{name} must be from 0 to 1, got {getattr(self, name)}")
        for budget in self.budgets:
            check_whole("a budget", budget, 1)
        check_whole("shift", self.shift, 0, _MOST_SIDE)


@dataclass(frozen=True)
class FlexTokConfig:
    """A tokenizer of pictures. The defaults fit MNIST: 16 ids of 10 bits each.

    Attributes:
        height, width: of a picture.
        channels: 1 (grey) or 3 (red, green, blue).
        n_tokens: registers, and ids of a picture.
        levels: of the finite scalar quantiser; published are (8, 8, 8, 5, 5, 5).
        patch: side of the squares that the encoder reads; divides height and width.
        encoder: sizes of the encoder's blocks.
        whole: width of the perceptron that starts registers from the whole picture.
        feedback: width of the perceptron that tells each register what the codes before it have
            left out; 0: nothing does, as published.
        spread: deviation of what is squashed before it is quantised.
        search: times that `encode` looks for better ids than the encoder's, at each place; 0: it
            takes those as they are.
        hidden: width of the decoder of expected pictures.
        depth: layers of the same.
        flow_patch: side of the squares that the flow decoder writes; divides height and width.
        flow: sizes of the flow decoder's blocks.
        flow_steps: that a drawn picture takes.
        guidance: 1: none; more moves a drawn picture away from what is drawn without ids.
        temperature: of soft codes, in squared distances on the grid.
        recipe: how it is taught.
    """

    height: int = 28
    width: int = 28
    channels: int = 1
    n_tokens: int = 16
    levels: tuple[int, ...] = (4, 4, 4, 4, 4)
    patch: int = 7
    encoder: StackConfig = field(default_factory=lambda: StackConfig(width=64, n_layers=2))
    whole: int = 128
    feedback: int = 80
    spread: float = 1.0
    search: int = 2
    hidden: int = 256
    depth: int = 4
    flow_patch: int = 4
    flow: StackConfig = field(default_factory=lambda: StackConfig(width=64, n_layers=3))
    flow_steps: int = 20
    guidance: float = 1.5
    temperature: float = 0.1
    recipe: FlexTokRecipe = field(default_factory=FlexTokRecipe)

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: a size out of range, or that does not fit another.
        """
        settle_fields(self)
        for name in ("height", "width"):
            check_whole(name, getattr(self, name), 1, _MOST_SIDE)
        if check_whole("channels", self.channels, 1, 3) == 2:
            raise ArgumentError(f"channels must be 1 or 3, got {self.channels!r}")
        for name in ("search", "feedback"):
            check_whole(name, getattr(self, name), 0, _MOST)
        for name in ("n_tokens", "whole", "hidden", "flow_steps"):
            check_whole(name, getattr(self, name), 1, _MOST)
        check_whole("depth", self.depth, 1, MOST_LAYERS)
        self._check_parts()
        self._check_codes()

    def _check_parts(self) -> None:
        for name in ("patch", "flow_patch"):
            side = check_whole(name, getattr(self, name), 1, _MOST_SIDE)
            if self.height % side or self.width % side:
                raise ArgumentError(
                    f"{name} is {side}, and pictures of {self.height} x {self.width} are not made "
                    "of such squares; expected a number that divides both"
                )
            n_places = self.height * self.width // side**2 + self.n_tokens
            if n_places > _MOST_PLACES:
                raise ArgumentError(
                    f"{name} is {side}, which makes {n_places:,} squares and ids, expected at most "
                    f"{_MOST_PLACES:,}; take larger squares"
                )
        if (most := max(self.recipe.budgets, default=1)) > self.n_tokens:
            raise ArgumentError(f"a budget of {most} ids, and a picture has {self.n_tokens}")

    def _check_codes(self) -> None:
        for level in self.levels:
            check_whole("a number of levels", level, 2, _MOST)
        if not self.levels or math.prod(self.levels) > 1 << 24:
            raise ArgumentError(f"levels {self.levels}; expected some, and at most 2^24 codes")
        if self.guidance < 0:
            raise ArgumentError(f"guidance must be at least 0, got {self.guidance}")
        for name in ("spread", "temperature"):
            if getattr(self, name) <= 0:
                raise ArgumentError(f"{name} must be more than 0, got {getattr(self, name)}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a picture: height, width, channels."""
        return self.height, self.width, self.channels

    @property
    def n_numbers(self) -> int:
        """In a picture."""
        return self.height * self.width * self.channels
