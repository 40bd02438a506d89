"""Texts that are plainly in a normal form of Unicode, which need not be normalised.

What is in a form stays so in later versions of Unicode ("Unicode Standard Annex 15", section 3),
and a library of an earlier one leaves characters that it does not know as they are. Of characters
that this Python does not know nothing is said.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.texts.normal_order import (
    CHANGES,
    FIRST_SHIFT,
    MAY_COMPOSE,
    parts_in_doubt,
)

NormalForm = Literal["NFC", "NFD", "NFKC", "NFKD"]
NORMAL_FORMS: tuple[NormalForm, ...] = get_args(NormalForm)

_LOOKED_AT = (*range(0x80, 0xD800), *range(0xE000, 0x10000), *range(0x1F000, 0x1FB00))
"""The Basic Multilingual Plane and emoji; others are rare, and nothing is said of them."""
_SHARE = 16
"""Bytes a part, below which a text is normalised as a whole."""
_SEPARATORS = tuple(map(chr, range(1, 9)))
"""Controls: no form changes them or what stands beside them."""
_LOOKED_AT_SET = frozenset(_LOOKED_AT)
_VOWELS_AND_FINALS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))
"""Conjoining Jamo, which compose by a rule."""


def is_plainly_normal(data: bytes, form: NormalForm) -> bool:
    """Whether a text is in a normal form, as far as the quick check tells.

    False says nothing; so it is of bytes that are no UTF-8.
    """
    parts = _parts_in_doubt(data, form)
    return parts is not None and not parts


def normalized_in_parts(
    data: bytes, form: NormalForm, normalize: Callable[[str], str]
) -> bytes | None:
    """`normalize` of a text, asked only about the parts that the quick check does not pass.

    A part begins with a character that the form leaves as it is, of combining class 0, which
    composes with nothing before it, and ends before another one: there nothing depends on what lies
    on the other side ("Unicode Standard Annex 15", section 9), nor does it between parts that are
    put together to be normalised at once.

    Returns:
        `data` itself if all of it passes; None if it is no UTF-8.
    """
    parts = _parts_in_doubt(data, form)
    if parts is None or not parts:
        return None if parts is None else data
    if len(parts) * _SHARE > len(data):
        return normalize(data.decode()).encode()
    doubtful = [data[start:stop].decode() for start, stop in parts]
    separator = next((char for char in _SEPARATORS if char.encode() not in data), None)
    if separator is None:
        made = list(map(normalize, doubtful))
    else:
        made = normalize(separator.join(doubtful)).split(separator)
    places = [0, *(place for part in parts for place in part), len(data)]
    kept = [data[start:stop] for start, stop in zip(places[::2], places[1::2], strict=True)]
    each = zip(kept, [*map(str.encode, made), b""], strict=True)
    return b"".join(part for both in each for part in both)


def _parts_in_doubt(data: bytes, form: NormalForm) -> list[tuple[int, int]] | None:
    """Where the parts of a text begin and end that may not be in the form; None: no UTF-8."""
    places = np.empty(len(data), dtype=np.int64)
    n = parts_in_doubt(np.frombuffer(data, dtype=np.uint8), *_tables(form), places)
    if n < 0:
        return None
    return list(zip(places[:n:2].tolist(), places[1:n:2].tolist(), strict=True))


@cache
def _tables(form: NormalForm) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """What the check reads of a form: classes of code points, and pairs that compose."""
    classes = np.full(0x110000, CHANGES, dtype=np.uint16)
    classes[:0x80] = 0
    classes[list(_LOOKED_AT)] = [_class_of(chr(point), form) for point in _LOOKED_AT]
    pairs = _pairs() if form in ("NFC", "NFKC") else np.empty(0, dtype=np.int64)
    classes[pairs & ((1 << FIRST_SHIFT) - 1)] |= MAY_COMPOSE
    if len(pairs):
        classes[list(_VOWELS_AND_FINALS)] = CHANGES
    for table in (classes, pairs):
        table.setflags(write=False)
    return classes, pairs


@cache
def composes(character: str) -> bool:
    """Whether a character may become one with what stands behind it; True where it is unknown."""
    point = ord(character)
    if point >= 0x80 and (point not in _LOOKED_AT_SET or _is_hangul(point)):
        return True
    return point in _firsts()


def _is_hangul(point: int) -> bool:
    return 0x1100 <= point < 0x1200 or 0xAC00 <= point < 0xD7B0


@cache
def _firsts() -> frozenset[int]:
    return frozenset((_pairs() >> FIRST_SHIFT).tolist())


def _class_of(character: str, form: NormalForm) -> int:
    unknown = unicodedata.category(character) == "Cn"
    if unknown or unicodedata.normalize(form, character) != character:
        return CHANGES
    return unicodedata.combining(character)


@cache
def _pairs() -> NDArray[np.int64]:
    """Two characters that do not stay side by side as they are, ascending.

    They compose, as canonical decompositions of two characters say, or the second is a mark that
    goes in between what the first is composed of: é and a dot below are ẹ and an acute.
    """
    parts = {chr(point): unicodedata.decomposition(chr(point)).split() for point in _LOOKED_AT}
    pairs = {
        char: (chr(int(first, 16)), chr(int(second, 16)))
        for char, (first, second) in (each for each in parts.items() if len(each[1]) == 2)
        if not first.startswith("<")
    }
    marks = sorted({second for _, second in pairs.values() if unicodedata.combining(second)})
    both = {*pairs.values(), *((char, mark) for char in pairs for mark in marks)}
    both = {pair for pair in both if unicodedata.normalize("NFC", "".join(pair)) != "".join(pair)}
    return np.unique(
        np.array([ord(first) << FIRST_SHIFT | ord(second) for first, second in both], np.int64)
    )
