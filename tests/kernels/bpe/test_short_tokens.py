"""The table of short tokens is a dictionary from spellings to tokens."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels.bpe import short_tokens

SPELLINGS = st.lists(
    st.text("ab\0é", min_size=1, max_size=16).map(str.encode), min_size=1, max_size=30, unique=True
)


@settings(deadline=None)
@given(SPELLINGS, st.lists(st.binary(min_size=1, max_size=15), max_size=8), st.data())
def test_finds_what_a_dictionary_finds(
    tokens: list[bytes], others: list[bytes], data: st.DataObject
) -> None:
    chosen = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(tokens), max_size=len(tokens)))
    )
    blob = np.frombuffer(b"".join(tokens), dtype=np.uint8)
    offsets = np.cumsum([0, *map(len, tokens)], dtype=np.int64)
    slots = short_tokens.build(blob, offsets, np.arange(len(tokens), dtype=np.int32), chosen)
    expected = {
        token: k
        for k, token in enumerate(tokens)
        if chosen[k] and len(token) <= short_tokens.LONGEST
    }
    for piece in (*tokens, *others):
        if len(piece) > short_tokens.LONGEST:
            continue
        # The key does not depend on what follows, nor on whether anything does.
        for text in (piece, piece + b"ab" * 10):
            key = short_tokens.key_of(np.frombuffer(text, dtype=np.uint8), 0, len(piece))
            assert short_tokens.find(slots, *key, short_tokens.spread(*key)) == expected.get(
                piece, -1
            )


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=short_tokens.LONGEST_KEY), max_size=20, unique=True))
def test_pieces_have_keys_of_their_own(pieces: list[bytes]) -> None:
    keys = {
        short_tokens.key_of(np.frombuffer(piece, dtype=np.uint8), 0, len(piece)) for piece in pieces
    }
    assert len(keys) == len(pieces)
