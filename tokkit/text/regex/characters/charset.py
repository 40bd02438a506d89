"""Sets of characters, and the finite alphabet that a handful of such sets divide Unicode into.

A `CharSet` may also hold `INVALID`, the pseudo-character that stands for a byte which is not part
of well-formed UTF-8: it has no Unicode property, so it is in every negated class and in no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

INVALID = 0x110000
"""Pseudo code point of a byte that is not part of well-formed UTF-8."""

N_CODE_POINTS = INVALID + 1

Ranges = tuple[tuple[int, int], ...]


def distinct_rows(rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The distinct rows in order of appearance, and which of them each row is."""
    known: dict[bytes, int] = {}
    index = [known.setdefault(row.tobytes(), len(known)) for row in rows]
    first = np.unique(index, return_index=True)[1]
    return rows[first], np.array(index, dtype=np.int64)


def _merge(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sort inclusive ranges and join those that touch: `[(3, 4), (1, 2)]` -> `((1, 4),)`."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


@dataclass(frozen=True)
class CharSet:
    """A set of code points (and perhaps `INVALID`) as sorted, disjoint, inclusive ranges."""

    ranges: Ranges

    @classmethod
    def of(cls, *ranges: tuple[int, int]) -> CharSet:
        """The union of inclusive ranges, in any order."""
        return cls(_merge(ranges))

    @classmethod
    def single(cls, char: str) -> CharSet:
        """The set of one character."""
        return cls(((ord(char), ord(char)),))

    @property
    def is_ascii(self) -> bool:
        """Whether it holds nothing beyond ASCII."""
        return not self.ranges or self.ranges[-1][1] < 0x80

    def __or__(self, other: CharSet) -> CharSet:
        return CharSet(_merge((*self.ranges, *other.ranges)))

    def __and__(self, other: CharSet) -> CharSet:
        return ~(~self | ~other)

    def __invert__(self) -> CharSet:
        gaps: list[tuple[int, int]] = []
        start = 0
        for low, high in self.ranges:
            if start < low:
                gaps.append((start, low - 1))
            start = high + 1
        if start < N_CODE_POINTS:
            gaps.append((start, N_CODE_POINTS - 1))
        return CharSet(tuple(gaps))

    def __contains__(self, code_point: int) -> bool:
        return any(low <= code_point <= high for low, high in self.ranges)


@dataclass(frozen=True, eq=False)
class Alphabet:
    """The classes of characters that no given `CharSet` tells apart.

    Attributes:
        class_of: uint8 (0x110001,): class of each code point, and of `INVALID`, the last entry.
        n_classes: number of classes; the *symbol* `n_classes` stands for the end of the text.
    """

    class_of: NDArray[np.uint8]
    n_classes: int

    @property
    def end(self) -> int:
        """The symbol for the end of the text."""
        return self.n_classes

    @property
    def invalid(self) -> int:
        """The class of a byte outside well-formed UTF-8."""
        return int(self.class_of[INVALID])

    @cached_property
    def pages(self) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """`class_of` as a two-level table: int32 (4352,) page of `cp >> 8`, uint8 (pages, 256)."""
        blocks = self.class_of[:INVALID].reshape(-1, 256)
        unique, index = distinct_rows(blocks)
        return index.astype(np.int32), np.ascontiguousarray(unique)

    def classes_in(self, charset: CharSet) -> frozenset[int]:
        """The classes that make up `charset`, one of those that the alphabet was built from."""
        return frozenset(int(self.class_of[low]) for low in self._starts_in(charset))

    def _starts_in(self, charset: CharSet) -> list[int]:
        changes = self._changes
        starts: list[int] = []
        for low, high in charset.ranges:
            first, last = np.searchsorted(changes, [low, high + 1])
            starts.append(low)
            starts.extend(int(change) for change in changes[first:last])
        return starts

    @cached_property
    def _changes(self) -> NDArray[np.int64]:
        return np.flatnonzero(np.diff(self.class_of)) + 1


@lru_cache(maxsize=16)
def build_alphabet(charsets: tuple[CharSet, ...]) -> Alphabet:
    """The coarsest alphabet in which each of `charsets` is a union of classes.

    Raises:
        ValueError: the sets need more than 255 classes.
    """
    borders = {0, N_CODE_POINTS}
    for charset in charsets:
        borders.update(border for low, high in charset.ranges for border in (low, high + 1))
    cuts = np.array(sorted(borders))  # between cuts, no set changes
    member = np.zeros((len(cuts) - 1, len(charsets)), dtype=np.bool_)
    for column, charset in enumerate(charsets):
        for low, high in charset.ranges:
            first, last = np.searchsorted(cuts, [low, high + 1])
            member[first:last, column] = True
    _, classes = np.unique(np.packbits(member, axis=1), axis=0, return_inverse=True)
    n_classes = int(classes.max()) + 1
    if n_classes > 255:
        raise ValueError(f"{n_classes} character classes; at most 255 fit the tables")
    return Alphabet(np.repeat(classes.reshape(-1).astype(np.uint8), np.diff(cuts)), n_classes)
