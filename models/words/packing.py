"""The units of a batch of ragged stretches of text, as indices into a grid of places.

A batch is a grid (rows, longest) of places, one for each symbol that is read; a row may begin with
places before its first byte. Units are numbered row by row and lie flat, without padding:

    row 0   END t h e | _ c a t | _ i     two closed units, one that is still open
    row 1   END o n e | , _ t             one closed unit

`seen` says what a place may use: how many units of its row were closed at it or before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.models.words.cutting import Cuts
from tokkit.models.words.segments import Segments


@dataclass(frozen=True)
class UnitBatch:
    """The units of a batch.

    Attributes:
        counts: int64 (rows,), in memory: units that each row closes.
        closed: the places of each closed unit in this batch, row by row; the first of a row may
            have begun before it.
        open: the places of the unit in progress at the end of each row.
        hashes: int64 (units,), of all bytes of each closed unit, not negative.
        prefixes: int64 (rows, longest), of the bytes of its unit up to each place, not negative; 0
            at places before the first byte.
        seen: int64 (rows, longest): closed units of the row that a place may use; at padding, all.
        slots: int64 (rows, most): the numbers of a row's units, `units` behind its last one.
    """

    counts: NDArray[np.int64]
    closed: Segments
    open: Segments
    hashes: torch.Tensor
    prefixes: torch.Tensor
    seen: torch.Tensor
    slots: torch.Tensor

    @classmethod
    def of(
        cls,
        cuts: Sequence[Cuts],
        lengths: NDArray[np.int64],
        *,
        n_before: int,
        holds_closing_byte: bool,
        device: torch.device | str = "cpu",
    ) -> UnitBatch:
        """Lay out what was cut.

        Args:
            cuts: of the bytes of each row.
            lengths: int64 (rows,), bytes of each.
            n_before: places before the first byte of each row; they belong to its first unit.
            holds_closing_byte: whether the byte that closes a unit is its last one.
            device: of the indices.
        """
        n_rows, longest = len(cuts), int(lengths.max(initial=0)) + n_before
        counts = np.array([len(each.ends) for each in cuts], np.int64)
        prefixes = np.zeros((n_rows, longest), np.int64)
        for row, each in zip(prefixes, cuts, strict=True):
            row[n_before : n_before + len(each.prefixes)] = each.prefixes
        row_starts = np.arange(n_rows) * longest

        def tensor(values: NDArray[np.int64]) -> torch.Tensor:
            return torch.from_numpy(values).to(device)

        if not counts.any():  # as after most bytes, where a text is written byte by byte
            none = tensor(counts[:0])
            return cls(
                counts,
                Segments(none, counts[:0]),
                Segments(tensor(row_starts), lengths + n_before),
                none,
                tensor(prefixes),
                tensor(np.zeros_like(prefixes)),
                tensor(np.empty((n_rows, 0), np.int64)),
            )
        rows = np.repeat(np.arange(n_rows), counts)
        ends = np.concatenate([each.ends for each in cuts]) + n_before
        seen = np.zeros((n_rows, longest), np.int64)
        seen[rows, ends - holds_closing_byte] = 1
        firsts = np.cumsum(counts) - counts
        starts = np.empty_like(ends)
        starts[1:] = ends[:-1]
        starts[firsts[counts > 0]] = 0
        open_starts = np.zeros(n_rows, np.int64)
        open_starts[counts > 0] = ends[(firsts + counts - 1)[counts > 0]]
        slots = np.full((n_rows, int(counts.max(initial=0))), len(ends), np.int64)
        slots[rows, np.arange(len(ends)) - firsts[rows]] = np.arange(len(ends))

        return cls(
            counts,
            Segments(tensor(starts + row_starts[rows]), ends - starts),
            Segments(tensor(open_starts + row_starts), lengths + n_before - open_starts),
            tensor(np.concatenate([each.hashes for each in cuts])),
            tensor(prefixes),
            tensor(seen.cumsum(1)),
            tensor(slots),
        )

    def in_rows(self, units: torch.Tensor) -> torch.Tensor:
        """(units, width) as (rows, most, width), with zeros behind the last unit of a row."""
        return torch.cat([units, units.new_zeros(1, units.shape[1])])[self.slots]

    def at_places_each(
        self, before: Sequence[torch.Tensor], units: Sequence[torch.Tensor]
    ) -> list[torch.Tensor]:
        """`at_places` of each pair."""
        return [self.at_places(*each) for each in zip(before, units, strict=True)]

    def at_places(self, before: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        """What each place sees.

        Args:
            before: (rows, width), what places see that see no unit of this batch.
            units: (rows, most, width).

        Returns:
            (rows, longest, width), of the last unit that each place may use.
        """
        n_rows, width = before.shape
        if not units.shape[1]:
            return before[:, None].expand(-1, self.seen.shape[1], -1)
        each = torch.cat([before[:, None], units], 1)
        row_starts = torch.arange(n_rows, device=each.device)[:, None] * each.shape[1]
        return each.reshape(-1, width)[self.seen + row_starts]
