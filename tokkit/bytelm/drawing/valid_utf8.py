"""Valid UTF-8, byte by byte: which bytes may come next (RFC 3629, section 4)."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.bytelm.drawing.constraint import Constraint

_Ranges = tuple[tuple[int, int], ...]

_CONTINUATION = (0x80, 0xBF)
_NONE: _Ranges = ()

_FOLLOWERS: dict[int, _Ranges] = {
    **dict.fromkeys(range(0x80), _NONE),
    **dict.fromkeys(range(0xC2, 0xE0), (_CONTINUATION,)),
    **dict.fromkeys(range(0xE0, 0xF0), (_CONTINUATION,) * 2),
    **dict.fromkeys(range(0xF0, 0xF5), (_CONTINUATION,) * 3),
    0xE0: ((0xA0, 0xBF), _CONTINUATION),  # no overlong forms
    0xED: ((0x80, 0x9F), _CONTINUATION),  # no surrogates
    0xF0: ((0x90, 0xBF), _CONTINUATION, _CONTINUATION),  # no overlong forms
    0xF4: ((0x80, 0x8F), _CONTINUATION, _CONTINUATION),  # nothing above U+10FFFF
}
"""The ranges of the bytes that follow each first byte of a character."""


class ValidUtf8(Constraint):
    """Only what continues valid UTF-8, and end of text only between characters.

    That excludes overlong forms, surrogates and what lies above U+10FFFF. A character that the
    prompt leaves unfinished is finished; bytes in the prompt that are no UTF-8 are passed over.
    """

    name = "valid_utf8"

    def __init__(self, prompt: bytes) -> None:
        """Start after a prompt."""
        self._expected = _unfinished(prompt)

    def bias(self) -> NDArray[np.float64]:
        """See `Constraint.bias`."""
        bias = np.full(N_SYMBOLS, -np.inf)
        if self._expected:
            low, high = self._expected[0]
            bias[low : high + 1] = 0.0
        else:
            bias[[*_FOLLOWERS, END]] = 0.0
        return bias

    def n_needed(self, byte: int) -> int:
        """Bytes to the end of the character that goes on, or begins, with `byte`; it included."""
        return len(self._expected) or 1 + len(_FOLLOWERS[byte])

    @property
    def n_missing(self) -> int:
        """Bytes that an unfinished character still needs; 0 between characters."""
        return len(self._expected)

    def push(self, byte: int) -> None:
        """See `Constraint.push`."""
        self._expected = self._expected[1:] if self._expected else _FOLLOWERS[byte]

    def admits(self, text: bytes) -> bool:
        """Whether `text`, which may end inside a character, may come next."""
        twin = self.fork()
        for byte in text:
            if twin.bias()[byte] < 0:
                return False
            twin.push(byte)
        return True

    def fork(self) -> Self:
        """See `Constraint.fork`."""
        twin = type(self)(b"")
        twin._expected = self._expected
        return twin


def _unfinished(text: bytes) -> _Ranges:
    """What the last character still lacks; nothing if it is whole, or no UTF-8."""
    for size in range(1, min(3, len(text)) + 1):
        first, *others = text[-size:]
        if first in _FOLLOWERS:
            ranges = _FOLLOWERS[first]
            fit = all(low <= b <= high for b, (low, high) in zip(others, ranges, strict=False))
            return ranges[len(others) :] if fit else _NONE
    return _NONE
