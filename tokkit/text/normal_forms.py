"""Texts that are plainly in a normal form of Unicode, which need not be normalised.

What is in a form stays so in later versions of Unicode ("Unicode Standard Annex 15", section 3),
and a library of an earlier one leaves characters that it does not know as they are. Of characters
that this Python does not know nothing is said.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.texts.normal_order import (
    CHANGES,
    COMBINING,
    FIRST_SHIFT,
    MAY_COMPOSE,
    is_normal,
)

NormalForm = Literal["NFC", "NFD", "NFKC", "NFKD"]
NORMAL_FORMS: tuple[NormalForm, ...] = get_args(NormalForm)

_LOOKED_AT = (*range(0x80, 0xD800), *range(0xE000, 0x10000), *range(0x1F000, 0x1FB00))
"""The Basic Multilingual Plane and emoji; others are rare, and nothing is said of them."""
_SHORT = 200
"""Characters of a text that is normalised as a whole sooner than looked at."""
_SHARE = 8
"""Characters a part, below which a text is normalised as a whole."""
_BLOCK = 1024
"""Characters that are looked at together, at least."""
_SEPARATORS = tuple(map(chr, range(1, 9)))
"""Controls: no form changes them or what stands beside them."""
_LOOKED_AT_SET = frozenset(_LOOKED_AT)
_VOWELS_AND_FINALS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))
"""Conjoining Jamo, which compose by a rule."""


def is_plainly_normal(data: bytes, form: str) -> bool:
    """Whether a text is in a normal form, as far as the quick check tells.

    False says nothing; so it is of bytes that are no UTF-8.
    """
    text = np.frombuffer(data, dtype=np.uint8)
    return bool(is_normal(text, *_tables(cast("NormalForm", form))))


def normalized_in_parts(text: str, form: NormalForm, normalize: Callable[[str], str]) -> str:
    """`normalize(text)`, asked only about the parts that the quick check does not pass.

    A part begins with a character that the form leaves as it is, of combining class 0, which
    composes with nothing before it, and ends before another one: there nothing depends on what lies
    on the other side ("Unicode Standard Annex 15", section 9), nor does it between parts that are
    put together to be normalised at once.
    """
    if len(text) < _SHORT:
        return normalize(text)
    return "".join(
        block
        if is_plainly_normal(block.encode(errors="surrogatepass"), form)
        else _with_parts_normalized(block, form, normalize)
        for block in _blocks(text)
    )


def _blocks(text: str) -> Iterator[str]:
    """A text in blocks, each but the first beginning with a space, which is of class 0."""
    start = 0
    while start < len(text):
        stop = text.find(" ", start + _BLOCK)
        stop = stop if stop >= 0 else len(text)
        yield text[start:stop]
        start = stop


def _with_parts_normalized(text: str, form: NormalForm, normalize: Callable[[str], str]) -> str:
    parts = _parts_in_doubt(text, form)
    if not parts:
        return text
    if len(parts) * _SHARE > len(text):
        return normalize(text)
    doubtful = [text[start:stop] for start, stop in parts]
    separator = next((char for char in _SEPARATORS if char not in text), None)
    if separator is None:
        made = list(map(normalize, doubtful))
    else:
        made = normalize(separator.join(doubtful)).split(separator)
    places = [0, *(place for part in parts for place in part), len(text)]
    kept = [text[start:stop] for start, stop in zip(places[::2], places[1::2], strict=True)]
    return "".join(part for both in zip(kept, [*made, ""], strict=True) for part in both)


def _parts_in_doubt(text: str, form: NormalForm) -> list[tuple[int, int]]:
    """Where the parts of a text begin and end that may not be in the form."""
    points = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype="<u4")
    classes, pairs = _tables(form)
    found = classes[points]
    begins = np.flatnonzero(found == 0)
    marks = np.flatnonzero(found)
    if not len(marks):
        return []
    of_mark, place = found[marks], np.maximum(marks - 1, 0)
    before = np.where(marks > 0, found[place], 0)
    pair = points[place].astype(np.int64) << FIRST_SHIFT | points[marks]
    composes = _are_among(pairs, pair) | (before != 0)
    order, order_before = of_mark & COMBINING, before & COMBINING
    doubtful = (
        (of_mark & CHANGES != 0)
        | ((of_mark & MAY_COMPOSE != 0) & composes)
        | ((order != 0) & (order_before > order))
    )
    first = np.unique(np.searchsorted(begins, marks[doubtful]))  # a doubtful one begins nothing
    bounds = np.concatenate([[0], begins, [len(text)]])
    return list(zip(bounds[first].tolist(), bounds[first + 1].tolist(), strict=True))


def _are_among(pairs: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each is one of some numbers in ascending order, perhaps of none."""
    if not len(pairs):
        return np.zeros(len(asked), dtype=np.bool_)
    return pairs[np.minimum(np.searchsorted(pairs, asked), len(pairs) - 1)] == asked


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
    both = set(pairs.values())
    both.update(
        (char, mark)
        for char in pairs
        for mark in marks
        if unicodedata.normalize("NFC", char + mark) != char + mark
    )
    return np.unique(
        np.array([ord(first) << FIRST_SHIFT | ord(second) for first, second in both], np.int64)
    )
