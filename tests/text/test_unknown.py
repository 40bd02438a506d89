"""Laws of `encode_with_unknown`: what a model makes of text that its vocabulary cannot express."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import wordpiece_reference
from tests.reference.bpe_reference import Bpe
from tests.reference.unigram_reference import Unigram
from tests.text.bpe_strategies import bpe_specs
from tokkit.errors import ArgumentError, EncodingError, UnsupportedError
from tokkit.text.encoding import batches
from tokkit.text.segment_models import make_segment_model
from tokkit.text.spec import SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

CHAR_UNITS = st.shared(st.booleans(), key="char_units")
CHARACTERS = ("a", "b", "é", "日", "è", "z", "😀")
PIECES = st.lists(
    st.sampled_from([*map(str.encode, CHARACTERS), b"ab", b"c", b"\xc3", b"\xa9", b"\xf0\x9f"]),
    max_size=12,
).map(b"".join)


def with_unknown(spec: TokenizerSpec, lost: set[int], *, fuse: bool) -> TokenizerSpec:
    """`spec` with an unknown token, and without some of its tokens."""
    kinds = spec.kinds.copy()
    kinds[list(lost)] = TokenKind.UNUSED
    return replace(
        spec,
        token_bytes=(*(b"" if i in lost else t for i, t in enumerate(spec.token_bytes)), b""),
        kinds=np.append(kinds, np.uint8(TokenKind.UNUSED)),
        scores=None if spec.scores is None else np.append(spec.scores, 0.0),
        unk_id=spec.vocab_size,
        fuse_unk=fuse,
    )


@st.composite
def unknown_bpe_specs(draw: st.DrawFn) -> TokenizerSpec:
    """BPE from bytes, or from characters, of whose BYTE tokens all, some or none are left."""
    spec = draw(CHAR_UNITS.flatmap(bpe_specs))
    byte_ids = np.flatnonzero(spec.kinds == TokenKind.BYTE).tolist()
    kept = draw(st.sampled_from([range(256), range(128, 256), range(195), ()]))
    lost = {token for byte, token in enumerate(byte_ids) if byte not in kept}
    return with_unknown(spec, lost, fuse=draw(st.booleans()))


@st.composite
def unknown_unigram_specs(draw: st.DrawFn) -> TokenizerSpec:
    """Unigram without some of the BYTE tokens, or any; scores with ties."""
    pieces = draw(st.lists(st.text("abé日", min_size=1, max_size=4), unique=True, max_size=9))
    bytes_left = draw(st.sampled_from([[], list(range(256)), list(range(195))]))
    scores = st.sampled_from([-1.0, -2.0, -3.0])
    spec = TokenizerSpec(
        name="random",
        family="unigram",
        token_bytes=(*map(str.encode, pieces), *(bytes([byte]) for byte in bytes_left)),
        kinds=np.array(
            [TokenKind.NORMAL] * len(pieces) + [TokenKind.BYTE] * len(bytes_left), dtype=np.uint8
        ),
        scores=np.array([draw(scores) for _ in pieces] + [0.0] * len(bytes_left)),
        unk_score=draw(st.sampled_from([-1.0, -13.0])),
    )
    return with_unknown(spec, set(), fuse=draw(st.booleans()))


def encoded(spec: TokenizerSpec, parts: list[bytes]) -> tuple[list[int], list[bytes]]:
    """Ids of pieces, and the stretch of text that each of them covers."""
    model = make_segment_model(spec)
    text = np.frombuffer(b"".join(parts), dtype=np.uint8)
    ids, ends = model.encode_with_unknown(text, np.cumsum([0, *map(len, parts)]))
    assert ids.dtype == np.int32 and ends.dtype == np.int64
    starts = [0, *ends.tolist()]
    covered = [text[a:b].tobytes() for a, b in pairwise(starts)]
    assert b"".join(covered) == text.tobytes()
    return ids.tolist(), covered


def assert_known_tokens_cover_their_bytes(
    spec: TokenizerSpec, ids: list[int], covered: list[bytes]
) -> None:
    for token, stretch in zip(ids, covered, strict=True):
        assert token == spec.unk_id or stretch == spec.token_bytes[token]


@settings(max_examples=200, deadline=None)
@given(unknown_bpe_specs(), st.lists(PIECES, max_size=4))
def test_bpe_equals_definition_piece_by_piece(spec, parts):
    reference = Bpe(spec)
    ids, covered = encoded(spec, parts)
    assert ids == [token for part in parts for token in reference.encode_with_unknown(part)]
    assert_known_tokens_cover_their_bytes(spec, ids, covered)


@settings(max_examples=200, deadline=None)
@given(unknown_unigram_specs(), st.lists(PIECES, max_size=4))
def test_unigram_equals_definition_piece_by_piece(spec, parts):
    reference = Unigram(spec)
    ids, covered = encoded(spec, parts)
    assert ids == [
        token
        for part in parts
        for token in reference.encode_with_unknown(part, spec.unk_id, fuse=spec.fuse_unk)
    ]
    assert_known_tokens_cover_their_bytes(spec, ids, covered)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text("abé", min_size=1, max_size=3), unique=True, max_size=6),
    st.lists(st.text("abéz", max_size=7).map(str.encode), max_size=4),
    st.sampled_from([4, 100]),
)
def test_an_unknown_word_is_one_token(tokens, words, longest):
    spec = TokenizerSpec(
        name="random",
        family="wordpiece",
        token_bytes=(*(b" " + token.encode() for token in tokens), *map(str.encode, tokens)),
        kinds=np.zeros(2 * len(tokens), dtype=np.uint8),
        continuing=np.arange(2 * len(tokens) + 1) >= len(tokens),
        max_word_chars=longest,
    )
    spec = with_unknown(spec, set(), fuse=False)
    known = [wordpiece_reference.encode(spec, word) for word in words]
    ids, covered = encoded(spec, words)
    assert ids == [token for part in known for token in ([spec.unk_id] if part is None else part)]
    lost = [stretch for token, stretch in zip(ids, covered, strict=True) if token == spec.unk_id]
    assert lost == [word for word, part in zip(words, known, strict=True) if part is None]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["", "a", "ab", " b", "é", "z"]).map(str.encode)), st.booleans())
def test_whole_words_are_looked_up(words, fuse):
    spec = TokenizerSpec(
        name="random",
        family="words",
        token_bytes=(b"a", b" b", "é".encode(), b"ab", b"ab"),
        kinds=np.array([0, 0, 0, TokenKind.LITERAL, 0], dtype=np.uint8),
    )
    spec = with_unknown(spec, set(), fuse=fuse)
    known = {b"a": 0, b" b": 1, "é".encode(): 2, b"ab": 4}
    expected = [known.get(word, spec.unk_id) for word in words if word]
    if fuse:
        kept = zip(expected, [None, *expected], strict=False)
        expected = [token for token, before in kept if token != spec.unk_id or token != before]
    ids, covered = encoded(spec, words)
    assert ids == expected
    assert_known_tokens_cover_their_bytes(spec, ids, covered)
    model = make_segment_model(spec)
    assert np.flatnonzero(model.reachable).tolist() == [0, 1, 2, 4]
    assert not model.successor_mask_after([0]).any()


WORDS = TokenizerSpec(
    name="toy",
    family="wordpiece",
    token_bytes=(b"", b" the", b" sea"),
    kinds=np.array([TokenKind.UNUSED, 0, 0], dtype=np.uint8),
    continuing=np.zeros(3, dtype=np.bool_),
    splits=(SplitRule(r"\s+", "removed"),),
    unk_id=0,
)


def test_every_way_to_encode_gives_the_unknown_token_and_says_what_is_lost():
    tokenizer = TextTokenizer(WORDS)
    text = "the  blue sea"
    assert tokenizer.encode(text, unk="use") == [1, 0, 2]
    array = tokenizer.encode_array(text, unk="use")
    assert array.dtype == np.int32 and array.tolist() == [1, 0, 2]
    assert tokenizer.encode_array("").shape == (0,)
    assert tokenizer.encode_batch([text, "sea"], unk="use") == [[1, 0, 2], [2]]
    assert tokenizer.count(text, unk="use") == 3
    encoding = tokenizer.encode_with_offsets(text, unk="use")
    assert encoding.ids.tolist() == [1, 0, 2]
    assert encoding.offsets.tolist() == [[0, 3], [5, 9], [10, 13]]
    assert tokenizer.decode([1, 0, 2]) == b"the sea"


def test_unknown_text_is_an_error_unless_asked_for():
    tokenizer = TextTokenizer(WORDS)
    calls = (tokenizer.encode, tokenizer.encode_array, tokenizer.encode_with_offsets)
    for call in (*calls, tokenizer.count):
        with pytest.raises(EncodingError, match="unknown to toy"):
            call("the blue sea")
        with pytest.raises(ArgumentError, match="'drop', expected"):
            cast(Any, call)("the sea", unk="drop")
    without = TextTokenizer(replace(WORDS, unk_id=None))
    assert without.encode("the sea", unk="use") == [1, 2]
    with pytest.raises(EncodingError, match="unknown to toy.*no unknown token"):
        without.encode("the blue sea", unk="use")


WHOLE_WORDS = TokenizerSpec(
    name="whole",
    family="words",
    token_bytes=(b"<unk>", b"a", b" b", b"<s>"),
    kinds=np.array([TokenKind.SPECIAL, 0, 0, TokenKind.SPECIAL], dtype=np.uint8),
    special_tokens={"<unk>": 0, "<s>": 3},
    splits=(SplitRule(" ?[^ ]+"),),
    unk_id=0,
    fuse_unk=True,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["z", " z", "a", " b", "<s>"])).map("".join), max_size=5))
def test_unknown_words_join_within_a_text_and_not_over_added_tokens(texts):
    tokenizer = TextTokenizer(WHOLE_WORDS)
    each = [
        tokenizer.encode_with_offsets(text, specials=True, unk="use").ids.tolist() for text in texts
    ]
    assert [tokenizer.encode(text, specials=True, unk="use") for text in texts] == each
    assert tokenizer.encode_batch(texts, specials=True, unk="use") == each


def test_a_text_whose_unknown_words_join_is_encoded_in_no_parts(tmp_path, monkeypatch):
    tokenizer = TextTokenizer(WHOLE_WORDS)
    monkeypatch.setattr(batches, "PART_BYTES", 8)
    text = "a" + " z" * 40
    assert tokenizer.encode_batch([text], unk="use", threads=2) == [[1, 0]]
    (tmp_path / "text").write_text(text)
    with pytest.raises(UnsupportedError, match="no place"):
        tokenizer.encode_file(tmp_path / "text", into=tmp_path / "ids.npy", unk="use")
