"""`is_normal` is the quick check of Unicode's annex 15, with the pairs looked up."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels.texts.normal_order import CHANGES, FIRST_SHIFT, MAY_COMPOSE, is_normal

CLASSES = {"é": CHANGES, "ू": 0, "़": 7, "́": 230 | MAY_COMPOSE, "া": MAY_COMPOSE, "🤖": 0}
PAIRS = {("e", "́"), ("ে", "া")}
PARTS = [b"e", b"x", b"abcdefgh", b"\xff", b"\xcc", *map(str.encode, (*CLASSES, "ে"))]


def passes(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    starter, before = "\0", 0
    for char in text:
        found = CLASSES.get(char, 0)
        if found & CHANGES or (found & MAY_COMPOSE and (starter, char) in PAIRS):
            return False
        order = found & 0xFF
        if order and before > order:
            return False
        starter = starter if order else char
        before = order
    return True


@settings(deadline=None)
@given(st.lists(st.sampled_from(PARTS)))
def test_equals_a_loop_over_characters(parts: list[bytes]) -> None:
    classes = np.zeros(0x110000, dtype=np.uint16)
    classes[list(map(ord, CLASSES))] = list(CLASSES.values())
    pairs = np.array(sorted(ord(a) << FIRST_SHIFT | ord(b) for a, b in PAIRS), dtype=np.int64)
    data = b"".join(parts)
    assert is_normal(np.frombuffer(data, dtype=np.uint8), classes, pairs) == passes(data)
