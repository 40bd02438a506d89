r"""How the bytes of a token can lie on the characters of a text.

A token may begin or end inside a character. `placements` lists every way in which its bytes can
stand in valid UTF-8: which characters its first and last bytes can be parts of, and where they are
cut. A token without placements can be in no valid text.

Example: `b"\x80a"` ends with a whole "a"; its first byte is the last of any character of two, three
or four bytes whose last byte is 0x80.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.int64]

_RANGES = {2: (0x80, 0x800), 3: (0x800, 0x10000), 4: (0x10000, 0x110000)}
_LEAD_MARK = {2: 0xC0, 3: 0xE0, 4: 0xF0}
_LEADS = {2: (0xC2, 0xDF), 3: (0xE0, 0xEF), 4: (0xF0, 0xF4)}
_SECONDS = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}


@dataclass(frozen=True, eq=False)
class Cut:
    """A character that a token holds only a part of.

    Attributes:
        fragment: the bytes of it that the token holds.
        points: int64 (n,), the code points that it can be, ascending.
        start, stop: which of its bytes the token holds; one of the two is an end of the character
            unless the whole token lies inside it.
    """

    fragment: bytes
    points: Points
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Bytes of the whole character."""
        return len(chr(int(self.points[0])).encode())


@dataclass(frozen=True, eq=False)
class Placement:
    """One way for a token to lie on characters: a cut one, whole ones, a cut one.

    Attributes:
        left: the character that it begins inside, or None.
        whole: the characters that it holds.
        right: the character that it ends inside, or None; also if that is `left`.
    """

    left: Cut | None
    whole: str
    right: Cut | None

    @property
    def last(self) -> Cut | None:
        """The character that is followed by more of its bytes, or None."""
        if self.right is not None:
            return self.right
        return self.left if self.left is not None and self.left.stop < self.left.size else None


@lru_cache(maxsize=4096)
def characters_with(fragment: bytes, position: int, size: int) -> Points:
    """Characters of `size` bytes, two or more, that hold `fragment` at `position`.

    Returns:
        int64 (n,), code points, ascending; surrogates are none.
    """
    points = np.zeros(1, dtype=np.int64)
    for k in range(size):
        shown = fragment[k - position] if 0 <= k - position < len(fragment) else None
        mark, width = (_LEAD_MARK[size], 7 - size) if k == 0 else (0x80, 6)
        bits = np.arange(1 << width) if shown is None else np.array([shown ^ mark])
        if bits[0] >> width:
            return points[:0]  # the byte is of another kind
        points = (points[:, None] << 6 | bits[None, :]).reshape(-1)
    low, high = _RANGES[size]
    known = (points >= low) & (points < high) & ((points < 0xD800) | (points >= 0xE000))
    return points[known]


def can_be_part(fragment: bytes, position: int, size: int) -> bool:
    """Whether some character of `size` bytes, two or more, holds `fragment` at `position`."""
    rest = fragment if position else fragment[1:]
    if any(byte & 0xC0 != 0x80 for byte in rest):
        return False
    if position:
        return True  # after a lead like 0xE1 or 0xF1 every continuation byte will do
    low, high = _LEADS[size]
    lead, second = fragment[0], fragment[1] if len(fragment) > 1 else None
    if not low <= lead <= high:
        return False
    first, last = _SECONDS.get(lead, (0x80, 0xBF))
    return second is None or first <= second <= last


def placements(data: bytes) -> list[Placement]:
    """Every way in which the bytes can stand in valid UTF-8; none if there is none.

    Args:
        data: at least one byte.
    """
    n_tail = next((k for k, byte in enumerate(data) if byte & 0xC0 != 0x80), len(data))
    if n_tail > 3:
        return []
    if n_tail == len(data):
        inside = _cuts(data, lambda size: range(1, size - n_tail + 1))
        return [Placement(cut, "", None) for cut in inside]
    try:
        whole, head = data[n_tail:].decode(), b""
    except UnicodeDecodeError as error:
        stop = n_tail + error.start
        whole, head = data[n_tail:stop].decode(), data[stop:]
    rights = _cuts(head, lambda _: [0]) if head else [None]
    lefts = _cuts(data[:n_tail], lambda size: [size - n_tail]) if n_tail else [None]
    return [Placement(left, whole, right) for left in lefts for right in rights]


def _cuts(fragment: bytes, starts: Callable[[int], Iterable[int]]) -> list[Cut]:
    """The longer characters with some bytes in them, from each of the places for their size."""
    return [
        Cut(fragment, points, start, start + len(fragment))
        for size in range(len(fragment) + 1, 5)
        for start in starts(size)
        if len(points := characters_with(fragment, start, size))
    ]
