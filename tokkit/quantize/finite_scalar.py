"""Finite scalar quantisation: a grid in place of a codebook.

"Finite Scalar Quantization: VQ-VAE Made Simple" (Mentzer et al., 2023, section 3.1). Each number
of a vector is rounded to one of a few levels, and the id names the levels of all, as the digits of
a number in a mixed base. There is nothing to learn that could collapse.

The paper squashes and rounds in one step, so that encoding what was decoded squashes again and
gives other ids. Here `bound` squashes and `encode` takes the nearest point of the grid, as it does
in every other quantiser: `encode(decode(ids))` is `ids`. For the output z of a network, the ids of
`encode(bound(z))` are those of the paper, with its offset for even numbers of levels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from tokkit.arguments import check_whole
from tokkit.errors import ArgumentError
from tokkit.quantize.quantizer import Quantized, Quantizer, as_ids, check_temperature

_MOST_CODES, _MOST_LEVELS = 1 << 31, 1 << 20
_EDGE = 1e-3
"""By how much the range is wider than the grid, relative to it (the published code's epsilon)."""


class FiniteScalarQuantizer(Quantizer):
    """A grid of points from -1 to 1: `levels[k]` of them along column k of the vectors.

    An odd number of levels has 0 in the middle; an even one has it too, and one level more below it
    than above: those of 4 are -1, -1/2, 0, 1/2. The first column is the lowest digit of an id.

    Attributes:
        levels: of each column.
    """

    _halves: Tensor
    _sizes: Tensor
    _units: Tensor

    def __init__(self, levels: Sequence[int]) -> None:
        """A grid.

        Args:
            levels: of each column, 2 or more; the published choice for 64,000 codes is
                (8, 8, 8, 5, 5, 5). With 2, `bound`, as published, puts all small numbers into the
                upper level, where it has hardly any slope to learn by: take 3 or more.

        Raises:
            ArgumentError: no column, fewer than two levels or more than 2^20, which float32 does
                not tell apart, or more than 2^31 codes.
        """
        super().__init__()
        self.levels = tuple(
            check_whole("a number of levels", each, 2, _MOST_LEVELS) for each in levels
        )
        n_codes = math.prod(self.levels)
        if not self.levels or n_codes > _MOST_CODES:
            raise ArgumentError(
                f"levels {self.levels} make {n_codes:,} codes of {len(self.levels)} columns; "
                f"expected at least one column, and at most {_MOST_CODES:,} codes"
            )
        self.width = len(self.levels)
        self.vocab_sizes = (n_codes,)
        units = [math.prod(self.levels[:k]) for k in range(self.width)]
        for name, values in (
            ("_sizes", self.levels),
            ("_halves", [each // 2 for each in self.levels]),
            ("_units", units),
        ):
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def bound(self, x: Tensor) -> Tensor:
        """tanh, shifted for even numbers of levels, so that every level has its share of the range.

        Args:
            x: float (..., width), any numbers.

        Returns:
            float (..., width), within half a level of the grid.
        """
        self.of_floats(x)
        reach = (self._sizes - 1).to(x.dtype) * (1 + _EDGE) / 2
        offset = (self._sizes % 2 == 0).to(x.dtype) / 2
        shift = torch.atanh(offset / reach)
        return (torch.tanh(x + shift) * reach - offset) / self._halves

    def forward(self, x: Tensor) -> Quantized:
        """Round vectors, float (..., width), to the grid; there is nothing to learn, so no loss."""
        digits = self._digits(self.checked(x).detach())
        values = self._points(digits, x.dtype)
        return Quantized(x + (values - x).detach(), self.ids_of(digits), x.new_zeros(()))

    def encode(self, x: Tensor) -> Tensor:
        """The nearest points of the grid, int64 (...)."""
        return self.ids_of(self._digits(self.checked(x)))

    def decode(self, ids: Tensor) -> Tensor:
        """Points of the grid, float32 (..., width)."""
        return self._points(self.digits_of(ids), torch.get_default_dtype())

    def digits_of(self, ids: Tensor) -> Tensor:
        """The levels that ids name, from 0, int64 (..., width)."""
        return as_ids(ids, self.vocab_sizes[0])[..., None] // self._units % self._sizes

    def ids_of(self, digits: Tensor) -> Tensor:
        """The ids, int64 (...), of levels from 0, int64 (..., width), which are not looked at."""
        return (digits * self._units).sum(-1)

    def soft_assign(self, x: Tensor, *, temperature: float = 1.0) -> Tensor:
        """Log-probabilities, float (..., codes): of the columns, added up."""
        check_temperature(temperature)
        total = torch.zeros(*self.checked(x).shape[:-1], 1, dtype=x.dtype, device=x.device)
        for column, size in enumerate(self.levels):
            half = int(self._halves[column])
            points = torch.arange(-half, size - half, device=x.device) / half
            squares = (x[..., column, None] - points).square()
            own = functional.log_softmax(-squares / temperature, -1)
            total = (own[..., :, None] + total[..., None, :]).flatten(-2)
        return total

    def _digits(self, x: Tensor) -> Tensor:
        places = torch.round(x * self._halves) + self._halves
        return torch.minimum(places.clamp(min=0), self._sizes - 1).long()

    def _points(self, digits: Tensor, dtype: torch.dtype) -> Tensor:
        return (digits - self._halves).to(dtype) / self._halves
