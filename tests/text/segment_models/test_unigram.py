"""Laws of `UnigramModel`, against segmentation by recursion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.unigram_reference import Unigram
from tokkit.errors import ArgumentError, EncodingError, FormatError, UnsupportedError
from tokkit.text.segment_models.prefix_encoders import NO_TOKEN
from tokkit.text.segment_models.unigram import UnigramModel
from tokkit.text.spec import TokenizerSpec, TokenKind

ALPHABET = ("a", "b", "é", "日")
BYTES = list(range(256))


@st.composite
def unigram_specs(draw: st.DrawFn) -> TokenizerSpec:
    """Vocabularies with few distinct scores, so that ties abound, and characters left uncovered."""
    pieces = draw(st.lists(st.text(ALPHABET, min_size=1, max_size=5), unique=True, max_size=14))
    tokens = [piece.encode() for piece in pieces] + [b"\xa9", b""]
    scores = st.sampled_from([-1.0, -2.0, -3.0, -0.1, -0.3]) | st.floats(-9, 0)
    return TokenizerSpec(
        name="random",
        family="unigram",
        token_bytes=(*tokens, *(bytes([byte]) for byte in BYTES)),
        kinds=np.array(
            [TokenKind.NORMAL] * len(pieces)
            + [TokenKind.UNUSED, TokenKind.SPECIAL]
            + [TokenKind.BYTE] * len(BYTES),
            dtype=np.uint8,
        ),
        scores=np.array([draw(scores) for _ in tokens] + [0.0] * len(BYTES)),
        unk_score=draw(st.sampled_from([-1.0, -2.0, -20.0])),
    )


PIECES = st.lists(
    st.sampled_from([*map(str.encode, ALPHABET * 2), b"z", "è".encode(), b"\xc3", b"\xa9"]),
    max_size=12,
).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(unigram_specs(), st.lists(PIECES, max_size=4), st.booleans())
def test_encode_equals_definition_piece_by_piece(spec, parts, single):
    model = UnigramModel(spec, single_precision=single)
    text = np.frombuffer(b"".join(parts), dtype=np.uint8)
    bounds = np.cumsum([0, *map(len, parts)])
    ids, ends = model.encode(text, bounds)
    reference = Unigram(spec, single=single)
    expected = [token for part in parts for token in reference.encode(part)]
    assert ids.tolist() == expected
    assert ends.tolist() == np.cumsum([len(spec.token_bytes[token]) for token in expected]).tolist()
    assert model.count(text, bounds) == len(expected)


@settings(max_examples=100, deadline=None)
@given(unigram_specs(), st.booleans())
def test_reachable_tokens_are_encodings_of_their_bytes(spec, single):
    reference = Unigram(spec, single=single)
    expected = [
        bool(spelling) and reference.encode(spelling) == [token]
        for token, spelling in enumerate(spec.token_bytes)
    ]
    assert UnigramModel(spec, single_precision=single).reachable.tolist() == expected


@settings(max_examples=60, deadline=None)
@given(unigram_specs(), PIECES, st.booleans())
def test_successors_equal_definition(spec, piece, single):
    model = UnigramModel(spec, single_precision=single)
    reference = Unigram(spec, single=single)
    ids = reference.encode(piece)
    expected = [
        bool(spelling) and reference.encode(piece + spelling) == [*ids, token]
        for token, spelling in enumerate(spec.token_bytes)
    ]
    assert model.successor_mask_after(ids).tolist() == expected


@settings(max_examples=120, deadline=None)
@given(unigram_specs(), PIECES, PIECES, st.data())
def test_prefix_encoder_equals_encoding_every_prefix(spec, piece, detour, data):
    reference = Unigram(spec)
    encoder = UnigramModel(spec).prefix_encoder()
    cut = data.draw(st.integers(0, len(piece)))
    encoder.append(piece[:cut])
    encoder.append(detour)
    encoder.truncate(cut)
    for byte in piece[cut:]:
        encoder.append(byte)
    for length in range(len(piece) + 1):
        expected = reference.encode(piece[:length])
        assert encoder.ids(length) == expected
        assert encoder.last_token_at(length) == (expected[-1] if expected else NO_TOKEN)


def toy_spec(tokens: list[bytes], scores: list[float]) -> TokenizerSpec:
    """A vocabulary of pieces without BYTE tokens."""
    return TokenizerSpec(
        name="toy",
        family="unigram",
        token_bytes=tuple(tokens),
        kinds=np.zeros(len(tokens), dtype=np.uint8),
        scores=np.array(scores),
        unk_score=-10.0,
    )


def test_the_longer_last_piece_wins_a_tie():
    model = UnigramModel(toy_spec([b"a", b"aa"], [-1.0, -1.0]))
    assert model.encode_piece(b"aaa") == [0, 1]


def test_uncovered_characters_without_byte_tokens_are_refused():
    model = UnigramModel(toy_spec([b"a"], [-1.0]))
    text = np.frombuffer(b"aazaz", dtype=np.uint8)
    for call in (model.encode, model.count):
        with pytest.raises(EncodingError, match="byte 0x7a at offset 2"):
            call(text, np.array([0, 1, 5]))
    encoder = model.prefix_encoder()
    with pytest.raises(EncodingError, match="byte 0x7a at offset 2"):
        encoder.append(b"aaz")
    assert encoder.ids() == [0, 0]


@pytest.mark.parametrize("single", [False, True])
def test_scores_whose_sums_are_infinite_are_refused_where_they_are_compared(single):
    most = float(np.finfo(np.float32 if single else np.float64).max)
    tokens = [b"a", b"b", b"ab"]
    low = UnigramModel(toy_spec(tokens, [-1.0, -most, -2.0]), single_precision=single)
    assert low.encode_piece(b"aab") == [0, 2]
    assert low.successor_mask_after([0]).tolist() == [True, False, True]
    high = UnigramModel(toy_spec(tokens, [most, most, 1.0]), single_precision=single)
    assert high.encode_piece(b"a") == [0]
    with pytest.raises(UnsupportedError, match="no finite sum"):
        high.successor_mask_after([0])


def test_senseless_arguments_are_refused():
    with pytest.raises(FormatError, match="not finite"):
        UnigramModel(toy_spec([b"a"], [float("nan")]))
    with pytest.raises(FormatError, match="for 1 tokens"):
        UnigramModel(toy_spec([b"a"], [-1.0, -2.0]))
    with pytest.raises(ArgumentError, match="not in the vocabulary"):
        UnigramModel(toy_spec([b"a"], [-1.0])).successor_mask_after([1])
