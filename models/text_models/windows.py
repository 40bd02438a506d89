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
        symbols, _ = symbol_rows(data, before=(END,))
        return cls(
            symbols,
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


def symbol_rows(
    data: Sequence[bytes],
    *,
    before: Sequence[int] = (),
    device: torch.device | str | None = None,
) -> tuple[torch.Tensor, list[int]]:
    """Pieces of texts side by side, zeros behind them.

    Args:
        data: one or more.
        before: symbols that precede each.
        device: of the result; None: the CPU.

    Returns:
        int64 (n, longest), and how many symbols each has.
    """
    lengths = [len(before) + len(each) for each in data]
    symbols = np.zeros((len(data), max(lengths)), dtype=np.int64)
    symbols[:, : len(before)] = before
    for row, each, length in zip(symbols, data, lengths, strict=True):
        row[len(before) : length] = np.frombuffer(each, dtype=np.uint8)
    return torch.from_numpy(symbols).to(device), lengths
