"""Laws of `WordPieceModel` and `PlainBytesModel`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import wordpiece_reference as reference
from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.text.segment_models.plain_bytes import PlainBytesModel
from tokkit.text.segment_models.prefix_encoders import NO_TOKEN
from tokkit.text.segment_models.wordpiece import WordPieceModel
from tokkit.text.spec import TokenizerSpec, TokenKind


def toy_spec(tokens: list[str], *, max_word_chars: int = 100) -> TokenizerSpec:
    """A vocabulary written as BERT writes it, `##` before tokens that go on with a word."""
    return TokenizerSpec(
        name="toy",
        family="wordpiece",
        token_bytes=tuple(
            token[2:].encode() if token.startswith("##") else b" " + token.encode()
            for token in tokens
        ),
        kinds=np.zeros(len(tokens), dtype=np.uint8),
        continuing=np.array([token.startswith("##") for token in tokens], dtype=np.bool_),
        max_word_chars=max_word_chars,
    )


TOKENS = st.lists(
    st.builds(str.__add__, st.sampled_from(["", "##"]), st.text("abé", min_size=1, max_size=4)),
    unique=True,
    max_size=16,
)
SPECS = st.builds(
    lambda tokens, limit: toy_spec([*tokens, "a", "##a"], max_word_chars=limit),
    TOKENS,
    st.sampled_from([5, 9, 100]),
)
WORDS = st.text("abé", max_size=10).map(str.encode)


@settings(max_examples=300, deadline=None)
@given(SPECS, st.lists(WORDS, max_size=4))
def test_encode_equals_definition_word_by_word(spec, words):
    model = WordPieceModel(spec)
    text = np.frombuffer(b"".join(words), dtype=np.uint8)
    bounds = np.cumsum([0, *map(len, words)])
    encodings = [reference.encode(spec, word) for word in words]
    if None in encodings:
        for call in (model.encode, model.count):
            with pytest.raises(EncodingError, match="unknown to toy"):
                call(text, bounds)
        return
    ids, ends = model.encode(text, bounds)
    assert ids.tolist() == [token for encoding in encodings for token in encoding or []]
    assert model.count(text, bounds) == len(ids)
    spelt = [text[start:end].tobytes() for start, end in zip([0, *ends], ends, strict=False)]
    assert spelt == [spec.token_bytes[token].removeprefix(b" ") for token in ids]


@settings(max_examples=300, deadline=None)
@given(SPECS, WORDS)
def test_successors_equal_definition(spec, word):
    model = WordPieceModel(spec)
    ids = reference.encode(spec, word)
    if ids is None:
        return
    expected = [
        reference.encode(spec, word + spelling.removeprefix(b" ")) == [*ids, token]
        for token, spelling in enumerate(spec.token_bytes)
    ]
    assert model.successor_mask_after(ids).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(SPECS, WORDS, WORDS)
def test_prefix_encoder_equals_encoding_every_prefix(spec, word, detour):
    encoder = WordPieceModel(spec).prefix_encoder()
    encoder.append(detour)
    encoder.truncate(0)
    for byte in word:
        encoder.append(byte)
    for length in range(len(word) + 1):
        expected = reference.encode(spec, word[:length])
        assert encoder.last_token_at(length) == (expected[-1] if expected else NO_TOKEN)
        if expected is not None:
            assert encoder.ids(length) == expected


def test_unknown_words_are_named():
    model = WordPieceModel(toy_spec(["un", "##able", "##s"], max_word_chars=7))
    assert model.encode_piece(b"unables") == [0, 1, 2]
    text = np.frombuffer(b"ununXy", dtype=np.uint8)
    with pytest.raises(EncodingError, match="begins b'unXy'.*byte 0x58 at offset 4"):
        model.encode(text, np.array([0, 2, 6]))
    with pytest.raises(EncodingError, match="more than 7 characters"):
        model.encode_piece(b"unabless")
    flags = np.zeros(2, dtype=np.bool_)
    with pytest.raises(FormatError, match="for 1 tokens"):
        WordPieceModel(replace(toy_spec(["a"]), continuing=flags))


def plain_bytes(size: int = 256) -> TokenizerSpec:
    """The first byte values, from id 3 on, as in ByT5."""
    return TokenizerSpec(
        name="toy",
        family="bytes",
        token_bytes=(b"", b"", b"", *(bytes([byte]) for byte in range(size))),
        kinds=np.array([TokenKind.SPECIAL] * 3 + [TokenKind.NORMAL] * size, dtype=np.uint8),
    )


@given(st.binary(max_size=20), st.binary(max_size=5))
def test_plain_bytes_are_one_token_each(piece, detour):
    model = PlainBytesModel(plain_bytes())
    text = np.frombuffer(piece, dtype=np.uint8)
    bounds = np.array([0, len(piece)])
    ids, ends = model.encode(text, bounds)
    assert ids.tolist() == [byte + 3 for byte in piece]
    assert ends.tolist() == list(range(1, len(piece) + 1))
    assert model.count(text, bounds) == len(piece)
    assert model.successor_mask_after(ids.tolist()).tolist() == [False] * 3 + [True] * 256
    encoder = model.prefix_encoder()
    encoder.append(piece)
    encoder.append(detour)
    encoder.truncate(len(piece))
    assert encoder.ids() == ids.tolist()
    assert encoder.last_token == (ids[-1] if piece else NO_TOKEN)


def test_plain_bytes_without_token_are_named():
    model = PlainBytesModel(plain_bytes(128))
    encoder = model.prefix_encoder()
    for call in (model.encode_piece, encoder.append):
        with pytest.raises(EncodingError, match="byte 0xff at offset 2"):
            call(b"aa\xff")
    with pytest.raises(ArgumentError, match="expected plain bytes"):
        PlainBytesModel(toy_spec(["a"]))
