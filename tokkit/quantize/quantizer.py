"""`Quantizer`: vectors as ids and back, in a network that is trained through it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tokkit.arguments import check_kind, check_real
from tokkit.errors import ArgumentError, EncodingError


class Quantized(NamedTuple):
    """Vectors after a quantiser.

    Attributes:
        values: float (..., width), what the codes decode to; the gradient goes on to the vectors
            as if nothing had been rounded (straight through).
        ids: int64 (...), or (..., streams) of several; -1 where a code was left out.
        loss: float (), what keeps the vectors close to their codes; to be added to other terms.
    """

    values: Tensor
    ids: Tensor
    loss: Tensor


class Quantizer(nn.Module, ABC):
    """A map from vectors to ids, (...,) or (..., streams), and from ids to vectors.

    In training, `forward` may move the codes, and draws from torch's generator what it draws; all
    else changes nothing, and looks at each vector by itself.

    Attributes:
        width: of the vectors.
        vocab_sizes: number of codes of each stream.
    """

    width: int
    vocab_sizes: tuple[int, ...]

    def bound(self, x: Tensor) -> Tensor:
        """Squash the output of a network, float (..., width), into the range of the codes.

        Quantisers whose codes go where the vectors are leave it as it is.

        Raises:
            ArgumentError: no vectors of a float type, or of another width.
        """
        return self.of_floats(x)

    @abstractmethod
    def forward(self, x: Tensor) -> Quantized:
        """Quantise vectors, float (..., width), already bounded.

        Raises:
            ArgumentError: as `encode`; nothing has been learned from them then.
        """

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """The ids of the nearest codes, int64; `x` is float (..., width).

        Raises:
            ArgumentError: vectors of another width, or with a number that is not finite.
        """

    @abstractmethod
    def decode(self, ids: Tensor) -> Tensor:
        """The vectors that ids stand for, float (..., width).

        Raises:
            ArgumentError: ids that are no whole numbers, or of another shape.
            EncodingError: an id outside the codes.
        """

    @abstractmethod
    def soft_assign(self, x: Tensor, *, temperature: float = 1.0) -> Tensor:
        """How likely each code is, by its squared distance: log-softmax of -distance / temperature.

        Returns:
            float (..., codes), or (..., streams, codes); the most likely codes are those of
            `encode`, and each stream is given the choice in those before.

        Raises:
            ArgumentError: as `encode`, or a temperature that is not above 0.
        """

    def checked(self, x: Tensor) -> Tensor:
        """Vectors of the right width and finite.

        Raises:
            ArgumentError: others.
        """
        if not bool(torch.isfinite(self.of_floats(x)).all()):
            raise ArgumentError("the vectors hold a number that is not finite")
        return x

    def of_floats(self, x: Tensor) -> Tensor:
        """Vectors of the right width and of a float type.

        Raises:
            ArgumentError: others.
        """
        check_kind(x, Tensor, "the vectors")
        if not x.ndim or x.shape[-1] != self.width or not x.is_floating_point():
            raise ArgumentError(
                f"vectors must be of a float type and the shape (..., {self.width}), got {x.dtype} "
                f"{tuple(x.shape)}"
            )
        return x


def as_whole(ids: Tensor) -> Tensor:
    """Whole numbers as int64.

    Raises:
        ArgumentError: no whole numbers.
        EncodingError: one that int64 does not hold.
    """
    check_kind(ids, Tensor, "ids")
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise ArgumentError(f"ids must be whole numbers, got {ids.dtype}")
    whole = ids.long()
    if ids.dtype == torch.uint64 and bool((whole < 0).any()):  # it has wrapped around
        raise EncodingError("an id of 2**63 or more is outside any codes")
    return whole


def as_ids(ids: Tensor, size: int) -> Tensor:
    """Ids of `size` codes, as int64.

    Raises:
        ArgumentError: no whole numbers.
        EncodingError: outside the codes.
    """
    whole = as_whole(ids)
    if whole.numel() and not 0 <= int(whole.min()) <= int(whole.max()) < size:
        raise EncodingError(
            f"ids from {int(whole.min())} to {int(whole.max())}, and the codes are 0 to {size - 1}"
        )
    return whole


def check_temperature(temperature: float) -> float:
    """A temperature above 0.

    Raises:
        ArgumentError: another.
    """
    if check_real("temperature", temperature) <= 0:
        raise ArgumentError(f"temperature must be greater than 0, got {temperature!r}")
    return temperature
