"""Texts that are plainly in a normal form of Unicode, which need not be normalised.

What is in a form stays so in later versions of Unicode ("Unicode Standard Annex 15", section 3),
and a library of an earlier one leaves characters that it does not know as they are. Of characters
that this Python does not know nothing is said.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.texts.normal_order import CHANGES, FIRST_SHIFT, MAY_COMPOSE, is_normal

NormalForm = Literal["NFC", "NFD", "NFKC", "NFKD"]
NORMAL_FORMS: tuple[NormalForm, ...] = get_args(NormalForm)

_LOOKED_AT = (*range(0x80, 0xD800), *range(0xE000, 0x10000), *range(0x1F000, 0x1FB00))
"""The Basic Multilingual Plane and emoji; others are rare, and nothing is said of them."""
_LOOKED_AT_SET = frozenset(_LOOKED_AT)
_VOWELS_AND_FINALS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))
"""Conjoining Jamo, which compose by a rule."""


def is_plainly_normal(data: bytes, form: str) -> bool:
    """Whether a text is in a normal form, as far as the quick check tells.

    False says nothing; so it is of bytes that are no UTF-8.
    """
    text = np.frombuffer(data, dtype=np.uint8)
    return bool(is_normal(text, *_tables(cast("NormalForm", form))))


@cache
def _tables(form: NormalForm) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """What the check reads of a form: classes of code points, and pairs that compose."""
    classes = np.full(0x110000, CHANGES, dtype=np.uint16)
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


def _pairs() -> NDArray[np.int64]:
    """What canonical decompositions of two characters say that composes, ascending."""
    parts = (unicodedata.decomposition(chr(point)).split() for point in _LOOKED_AT)
    pairs = [
        int(first, 16) << FIRST_SHIFT | int(second, 16)
        for first, second in (each for each in parts if len(each) == 2)
        if not first.startswith("<")
    ]
    return np.unique(np.array(pairs, dtype=np.int64))
