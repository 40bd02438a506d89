"""States after texts that were seen before, the least recently used forgotten first: `Prefixes`."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

from tokkit.bytelm.byte_state import ByteState

Key: TypeAlias = "bytes | tuple[int, ...]"
"""A text, or the ids of a FIM prompt, whose state is kept for its contexts alone."""


class Prefixes:
    """States by the text that they are after. They are never changed; take a fork."""

    def __init__(self, most: int) -> None:
        """Know nothing yet.

        Args:
            most: states, at least 0.
        """
        self._most = most
        self._states: OrderedDict[Key, ByteState] = OrderedDict()

    def __len__(self) -> int:
        return len(self._states)

    @property
    def n_bytes(self) -> int:
        """Of all texts together; an id counts as a byte."""
        return sum(map(len, self._states))

    def keep(self, key: Key, state: ByteState) -> None:
        """Remember a state."""
        self._states[key] = state
        self._states.move_to_end(key)
        while len(self._states) > self._most:
            self.forget_oldest()

    def longest(self, text: bytes) -> tuple[bytes, ByteState] | None:
        """The state after the longest beginning of a text, which counts as used now."""
        texts = (key for key in self._states if isinstance(key, bytes))
        fitting = [known for known in texts if text.startswith(known)]
        if not fitting:
            return None
        best = max(fitting, key=len)
        self._states.move_to_end(best)
        return best, self._states[best]

    def forget_oldest(self) -> None:
        """Forget the one that was used least recently."""
        self._states.popitem(last=False)
