"""A batch of texts as tensors: `Windows`.

A *window* is a piece of one document that a model reads by itself: the symbol END, which precedes
every text, then bytes, and END again as what is to be predicted where the document ends with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from tokkit.arguments import as_bytes, refuse_single_text
from tokkit.bytelm.byte_state import END
from tokkit.errors import ArgumentError

NO_TARGET = -1
"""In the place of a target where there is nothing to predict."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows side by side, each padded to the longest.

    Attributes:
        symbols: int64 (n, longest + 1): END, the bytes, then padding of any value.
        lengths: int64 (n,): bytes of each.
        ends: bool (n,): whether its document ends with it.
        data: the bytes of each.
    """

    symbols: torch.Tensor
    lengths: torch.Tensor
    ends: torch.Tensor
    data: tuple[bytes, ...]

    @classmethod
    def of(cls, texts: Sequence[str | bytes], *, ends: bool | Sequence[bool] = False) -> Windows:
        """The windows of some texts, on the CPU.

        Args:
            texts: one or more, any of them may be empty.
            ends: whether the document ends with each, or with all of them.

        Raises:
            ArgumentError: no texts, or not as many `ends`.
        """
        refuse_single_text(texts, "texts")
        data = tuple(as_bytes(text) for text in texts)
        flags = [ends] * len(data) if isinstance(ends, bool) else list(ends)
        if not data or len(flags) != len(data):
            raise ArgumentError(
                f"{len(data)} windows and {len(flags)} ends; expected as many, and at least one"
            )
        lengths = np.array([len(each) for each in data], dtype=np.int64)
        symbols = np.zeros((len(data), 1 + int(lengths.max())), dtype=np.int64)
        symbols[:, 0] = END
        for row, each in zip(symbols, data, strict=True):
            row[1 : len(each) + 1] = np.frombuffer(each, dtype=np.uint8)
        return cls(
            torch.from_numpy(symbols),
            torch.from_numpy(lengths),
            torch.tensor(flags, dtype=torch.bool),
            data,
        )

    def __len__(self) -> int:
        """How many they are."""
        return len(self.data)

    @property
    def n_bytes(self) -> int:
        """Bytes of all of them."""
        return sum(map(len, self.data))

    def to(self, device: torch.device | str) -> Windows:
        """The same on another device."""
        return replace(
            self,
            symbols=self.symbols.to(device),
            lengths=self.lengths.to(device),
            ends=self.ends.to(device),
        )

    def real(self) -> torch.Tensor:
        """Bool (n, longest + 1): whether a place holds a symbol of the window, not padding."""
        places = torch.arange(self.symbols.shape[1], device=self.symbols.device)
        return places <= self.lengths[:, None]

    def targets(self) -> torch.Tensor:
        """int64 (n, longest + 1): what is to be predicted at each place.

        Byte t at place t; at the place after the last byte END where the document ends, else
        `NO_TARGET`, as in the padding.
        """
        last = torch.where(self.ends, END, NO_TARGET)[:, None]
        shifted = torch.cat([self.symbols[:, 1:], torch.zeros_like(last)], dim=1)
        places = torch.arange(shifted.shape[1], device=shifted.device)
        after = torch.where(places == self.lengths[:, None], last, NO_TARGET)
        return torch.where(places < self.lengths[:, None], shifted, after)
