"""Keys and values of a text, so that it goes on without being read again.

A cache is a value: `extended` gives another one, and the old one stays what it was. The two share a
buffer that grows by doubling: the first to go on from a cache writes behind it in place, the second
copies. So a fork costs nothing, and a text that goes on copies each key a bounded number of times.
"""

from __future__ import annotations

import torch


class _Buffer:
    """Room for keys and values, and how much of it somebody has claimed."""

    def __init__(self, data: torch.Tensor) -> None:
        self.data = data
        self.claimed = 0


class KVCache:
    """Keys and values of one text in all layers of a stack.

    Attributes:
        n_places: of the text so far.
        first: the earliest place that is kept; earlier ones are out of every window.
    """

    def __init__(
        self,
        n_layers: int,
        n_heads: int,
        head_width: int,
        *,
        window: int | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """The cache of no text.

        Args:
            n_layers: of the stack.
            n_heads: of each.
            head_width: columns of a head.
            window: places that a place attends to, itself included; None: all.
            dtype: of keys and values.
            device: theirs.
        """
        empty = torch.empty(n_layers, 2, n_heads, 0, head_width, dtype=dtype, device=device)
        self._window = window
        self._buffer = _Buffer(empty)
        self.n_places = 0
        self.first = 0
        self._offset = 0  # of the place `first`, in the buffer

    @property
    def n_kept(self) -> int:
        """Places whose keys are there."""
        return self.n_places - self.first

    def extended(self, n_new: int) -> KVCache:
        """The same text with `n_new` more places, whose keys and values are to be written."""
        other = KVCache.__new__(KVCache)
        other._window = self._window
        other.n_places = self.n_places + n_new
        out_of_reach = 0 if self._window is None else self.n_places - self._window + 1
        other.first = max(self.first, out_of_reach)
        offset = self._offset + other.first - self.first
        buffer, kept = self._buffer, self.n_places - other.first
        free = buffer.claimed == offset + kept
        if free and offset + kept + n_new <= buffer.data.shape[3]:
            other._buffer, other._offset = buffer, offset
        else:
            other._buffer, other._offset = _grown(buffer.data, offset, kept, n_new), 0
        other._buffer.claimed = other._offset + kept + n_new
        return other

    def selected(self, places: torch.Tensor) -> KVCache:
        """A cache of some of the places that are kept, int64 (n,), in a buffer of its own."""
        other = KVCache.__new__(KVCache)
        other._window, other.n_places = self._window, len(places)
        other.first = other._offset = 0
        held = self._buffer.data.index_select(3, places + self._offset - self.first)
        other._buffer = _grown(held, 0, len(places), 0)
        other._buffer.claimed = len(places)
        return other

    def write(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Keep the keys and values of the last places in a layer: (n_heads, n, head_width) each."""
        end = self._offset + self.n_kept
        place = self._buffer.data[layer, :, :, end - keys.shape[1] : end]
        place[0], place[1] = keys, values

    def read(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of a layer: (n_heads, n_kept, head_width) each, views."""
        held = self._buffer.data[layer, :, :, self._offset : self._offset + self.n_kept]
        return held[0], held[1]


def _grown(old: torch.Tensor, offset: int, kept: int, n_new: int) -> _Buffer:
    """A buffer with what is kept at its beginning, and room for twice as much as is needed."""
    n_layers, two, n_heads, _, head_width = old.shape
    room = max(16, 2 * (kept + n_new))
    buffer = _Buffer(old.new_empty(n_layers, two, n_heads, room, head_width))
    buffer.data[:, :, :, :kept] = old[:, :, :, offset : offset + kept]
    return buffer
