"""How far a completion agrees with what is wanted, and the bits of what is wanted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tokkit.bytelm.byte_state import END


def agreement(stream: Iterator[bytes], rest: bytes) -> int:
    """How many bytes of a streamed completion agree with `rest`, its end counting as one more.

    Args:
        stream: pieces of one byte; exhausted at the end of the line or of the text.
        rest: what is wanted, without the newline.
    """
    matched = 0
    for piece in stream:
        if matched == len(rest) or piece[0] != rest[matched]:
            return matched
        matched += 1
    return matched + (matched == len(rest))


def greedy_agreement(rows: np.ndarray[Any, np.dtype[np.float64]], rest: bytes) -> int:
    """The same for the most probable byte at every position.

    Args:
        rows: float64 (at least len(rest) + 1, 257), nats.
        rest: what is wanted, without the newline.
    """
    best = rows.argmax(axis=1)
    for k, byte in enumerate(rest):
        if best[k] != byte:
            return k
    return len(rest) + int(best[len(rest)] in (END, ord("\n")))


def bits_of(rows: np.ndarray[Any, np.dtype[np.float64]], rest: bytes) -> float:
    """Bits of `rest`, given the distributions of its bytes."""
    return float(-rows[np.arange(len(rest)), list(rest)].sum() / math.log(2))
