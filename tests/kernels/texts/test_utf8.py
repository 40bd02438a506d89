"""Lengths of UTF-8 characters, against Python's decoder."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels.texts.utf8 import character_length

EDGES = st.sampled_from(b"\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xed\xef\xf0\xf4\xf5\xff")
TEXTS = st.text(max_size=8).map(str.encode) | st.lists(EDGES, max_size=8).map(bytes) | st.binary()


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_character_length_equals_python(data):
    text = np.frombuffer(data, dtype=np.uint8)
    pos = 0
    # A surrogate stands for a byte that is not part of valid UTF-8.
    for char in data.decode("utf-8", "surrogateescape"):
        length = len(char.encode("utf-8", "surrogateescape"))
        assert character_length(text, pos, len(text)) == length
        pos += length
    assert pos == len(data)
