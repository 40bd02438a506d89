"""`parts_in_doubt` is the quick check of Unicode's annex 15, with the pairs looked up."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels.texts.normal_order import CHANGES, FIRST_SHIFT, MAY_COMPOSE, parts_in_doubt

CLASSES = {"é": CHANGES, "ू": 0, "़": 7, "́": 230 | MAY_COMPOSE, "া": MAY_COMPOSE, "🤖": 0}
PAIRS = {("e", "́"), ("ে", "া")}
PARTS = [b"e", b"x", b"abcdefgh", b"\xff", b"\xcc", *map(str.encode, (*CLASSES, "ে"))]


def fails(text: str, place: int) -> bool:
    """Whether the character at a place keeps a text from passing."""
    char = text[place]
    found = CLASSES.get(char, 0)
    starters = [each for each in text[:place] if not CLASSES.get(each, 0) & 0xFF]
    composes = found & MAY_COMPOSE and (starters[-1] if starters else "\0", char) in PAIRS
    before = CLASSES.get(text[place - 1], 0) & 0xFF if place else 0
    return bool(found & CHANGES or composes or before > found & 0xFF > 0)


def doubtful_parts(data: bytes) -> list[bytes] | None:
    """Begun by each character of class 0, those parts in which one fails; None: no UTF-8."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    parts = [""]
    doubtful: list[bool] = [False]
    for place, char in enumerate(text):
        if not CLASSES.get(char, 0):
            parts.append("")
            doubtful.append(False)
        parts[-1] += char
        doubtful[-1] |= fails(text, place)
    return [part.encode() for part, doubt in zip(parts, doubtful, strict=True) if doubt]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PARTS)))
def test_equals_a_loop_over_characters(parts: list[bytes]) -> None:
    classes = np.zeros(0x110000, dtype=np.uint16)
    classes[list(map(ord, CLASSES))] = list(CLASSES.values())
    pairs = np.array(sorted(ord(a) << FIRST_SHIFT | ord(b) for a, b in PAIRS), dtype=np.int64)
    data = b"".join(parts)
    places = np.full(len(data), -1, dtype=np.int64)
    n = parts_in_doubt(np.frombuffer(data, dtype=np.uint8), classes, pairs, places)
    found = [data[start:stop] for start, stop in places[: max(n, 0)].reshape(-1, 2).tolist()]
    assert (found if n >= 0 else None) == doubtful_parts(data)
