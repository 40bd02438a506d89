"""Laws of `BpeModel`, against BPE as its definition reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.bpe_reference import Bpe
from tests.text.bpe_strategies import BYTE_UNITS, bpe_specs, pieces
from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.text.segment_models import bpe
from tokkit.text.segment_models.bpe import BpeModel
from tokkit.text.segment_models.prefix_encoders import NO_TOKEN
from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind

CHAR_UNITS = st.shared(st.booleans(), key="char_units")
SPECS = CHAR_UNITS.flatmap(bpe_specs)
PIECES = CHAR_UNITS.flatmap(pieces)


def toy_spec(tokens: list[bytes], merges: list[tuple[int, int, int]], **options) -> TokenizerSpec:
    """A byte-unit vocabulary with merges in order of rank."""
    columns = np.array(merges, dtype=np.int32).reshape(-1, 3).T
    ranks = np.arange(len(merges), dtype=np.int32)
    return TokenizerSpec(
        name="toy",
        family="bpe",
        token_bytes=tuple(tokens),
        kinds=np.zeros(len(tokens), dtype=np.uint8),
        merges=MergeTable(columns[0], columns[1], columns[2], ranks),
        **options,
    )


@settings(max_examples=200, deadline=None)
@given(SPECS, st.lists(PIECES, max_size=4))
def test_pieces_divided_where_no_token_crosses_have_the_same_ids(spec, parts):
    model = BpeModel(spec)
    text = np.frombuffer(b"".join(parts), dtype=np.uint8)
    bounds = np.cumsum([0, *map(len, parts)])
    expected = model.encode_ids(text, bounds).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bpe, "LONG_PIECE", -1)
        assert BpeModel(spec).encode_ids(text, bounds).tolist() == expected


def test_a_long_piece_is_divided_where_no_token_crosses():
    model = BpeModel(toy_spec([b"a", b" ", b" a"], [(1, 0, 2)]))
    text = np.frombuffer(b"aa a a  a", dtype=np.uint8)
    assert model._divided(text, np.array([0, 9])).tolist() == [0, 1, 2, 4, 6, 7, 9]
    assert model._divided(text, np.array([0, 3, 3, 9])).tolist() == [0, 1, 2, 3, 4, 6, 7, 9]


@settings(max_examples=200, deadline=None)
@given(SPECS, st.lists(PIECES, max_size=4))
def test_encode_equals_definition_piece_by_piece(spec, parts):
    model, reference = BpeModel(spec), Bpe(spec)
    text = np.frombuffer(b"".join(parts), dtype=np.uint8)
    bounds = np.cumsum([0, *map(len, parts)])
    ids, ends = model.encode(text, bounds)
    expected = [token for part in parts for token in reference.encode(part)]
    assert ids.tolist() == expected
    assert ids.dtype == np.int32 and ends.dtype == np.int64
    assert ends.tolist() == np.cumsum([len(spec.token_bytes[token]) for token in expected]).tolist()
    assert model.count(text, bounds) == len(expected)


@settings(max_examples=100, deadline=None)
@given(bpe_specs(literals=True), pieces())
def test_literals_serve_as_steps_of_merges(spec, piece):
    assert BpeModel(spec).encode_piece(piece) == Bpe(spec).encode(piece)


@settings(max_examples=200, deadline=None)
@given(SPECS)
def test_reachable_tokens_are_encodings_of_their_bytes(spec):
    reference = Bpe(spec)
    expected = [reference.stays([token]) for token in range(spec.vocab_size)]
    assert BpeModel(spec).reachable.tolist() == expected


@pytest.mark.parametrize("results", [(1, 2), (2, 1)])
def test_of_one_pair_at_one_rank_the_lowest_id_is_made(results):
    spec = toy_spec([b"a", b"aa", b"aa"], [])
    pair, ranks = np.zeros(2, dtype=np.int32), np.zeros(2, dtype=np.int32)
    merges = MergeTable(pair, pair, np.array(results, dtype=np.int32), ranks)
    model = BpeModel(replace(spec, merges=merges))
    assert model.encode_piece(b"aa") == [1]
    assert model.reachable.tolist() == [True, True, False]


@settings(max_examples=200, deadline=None)
@given(bpe_specs() | bpe_specs(literals=True))
def test_pairs_and_invalid_successors_equal_definition(spec):
    model, reference = BpeModel(spec), Bpe(spec)
    for a in range(spec.vocab_size):
        expected = reference.successors([a])
        assert [model.pair_valid(a, b) for b in range(spec.vocab_size)] == expected
        assert model.successor_mask(a).tolist() == expected
        assert model.successor_mask_after([a]).tolist() == expected
        if model.reachable[a]:
            invalid = np.flatnonzero(model.reachable & ~np.array(expected))
            assert model.invalid_successors(a).tolist() == invalid.tolist()


@settings(max_examples=60, deadline=None)
@given(bpe_specs(char_units=True), pieces(char_units=True))
def test_successors_after_characters_and_byte_runs_equal_definition(spec, piece):
    model, reference = BpeModel(spec), Bpe(spec)
    ids = reference.merge(piece)
    expected = reference.successors(ids)
    assert model.successor_mask_after(ids[-4:]).tolist() == expected
    if len(ids) == 1:
        assert [model.pair_valid(ids[0], b) for b in range(spec.vocab_size)] == expected
        invalid = np.flatnonzero(model.reachable & ~np.array(expected))
        assert model.invalid_successors(ids[0]).tolist() == invalid.tolist()


@settings(max_examples=200, deadline=None)
@given(SPECS, PIECES, st.data())
def test_prefix_encoder_equals_encoding_every_prefix(spec, piece, data):
    model, reference = BpeModel(spec), Bpe(spec)
    encoder = model.prefix_encoder()
    merges_only = model.prefix_encoder(merges_only=True)
    cut = data.draw(st.integers(0, len(piece)))
    detour = data.draw(PIECES)
    encoder.append(piece[:cut])
    encoder.append(detour)
    encoder.truncate(cut)
    for byte in piece[cut:]:
        encoder.append(byte)
    merges_only.append(piece)
    assert len(encoder) == len(piece)
    for length in range(len(piece) + 1):
        expected = reference.encode(piece[:length])
        assert encoder.ids(length) == expected
        assert encoder.last_token_at(length) == (expected[-1] if expected else NO_TOKEN)
        assert merges_only.ids(length) == reference.merge(piece[:length])
    assert encoder.last_token == encoder.last_token_at(len(piece))


@given(st.sampled_from(["a" * 2000, "ab" * 1000, "abc" * 700, "aab" * 700]), bpe_specs())
@settings(max_examples=30, deadline=None)
def test_long_pieces_are_encoded_as_by_definition(text, spec):
    assert BpeModel(spec).encode_piece(text.encode()) == Bpe(spec).encode(text.encode())


def test_ignore_merges_prefers_the_whole_piece():
    tokens = [b"a", b"b", b"ab", b"aba"]
    assert BpeModel(toy_spec(tokens, [(0, 1, 2)])).encode_piece(b"aba") == [2, 0]
    model = BpeModel(toy_spec(tokens, [(0, 1, 2)], ignore_merges=True))
    assert model.encode_piece(b"aba") == [3]
    assert model.encode_piece(b"abaa") == [2, 0, 0]
    assert not model.reachable[3]


def test_a_byte_without_token_is_named():
    model = BpeModel(toy_spec([b"a", b"b"], []))
    text = np.frombuffer(b"aab\xffa", dtype=np.uint8)
    bounds = np.array([0, 2, 5])
    for call in (model.encode, model.count):
        with pytest.raises(EncodingError, match="byte 0xff at offset 3"):
            call(text, bounds)
    encoder = model.prefix_encoder()
    with pytest.raises(EncodingError, match="byte 0xff at offset 3"):
        encoder.append(b"aab\xffa")
    assert encoder.ids() == [0, 0, 1]


def test_characters_without_byte_tokens_are_refused():
    model = BpeModel(toy_spec([b"a", "é".encode()], [], char_units=True))
    assert model.encode_piece("aé".encode()) == [0, 1]
    with pytest.raises(EncodingError, match="byte 0xc3 at offset 1"):
        model.encode_piece("aè".encode())


@pytest.mark.parametrize(
    "bounds", [np.array([0, 2]), np.array([1, 3]), np.array([0, 3, 2, 3]), np.array([0.0, 3.0])]
)
def test_bounds_outside_the_text_are_refused(bounds):
    model = BpeModel(toy_spec([b"a"], []))
    with pytest.raises(ArgumentError, match="bounds"):
        model.encode(np.frombuffer(b"aaa", dtype=np.uint8), bounds)


@pytest.mark.parametrize(
    ("merge", "message"),
    [((0, 1, 9), "0 to 9"), ((0, 0, 2), "spelt"), ((3, 0, 0), "neither of them empty")],
)
def test_merges_that_make_no_sense_are_refused(merge, message):
    with pytest.raises(FormatError, match=message):
        BpeModel(toy_spec([b"a", b"b", b"ab", b""], [merge]))


def test_merges_of_special_tokens_are_refused():
    spec = toy_spec([b"a", b"b", b"ab"], [(0, 1, 2)])
    spec.kinds[2] = TokenKind.SPECIAL
    with pytest.raises(FormatError, match="SPECIAL"):
        BpeModel(spec)


def test_ids_out_of_range_and_lengths_beyond_the_piece_are_refused():
    model = BpeModel(toy_spec(list(BYTE_UNITS), []))
    for call in (lambda: model.pair_valid(0, 3), lambda: model.successor_mask_after([-1])):
        with pytest.raises(ArgumentError, match="not in the vocabulary"):
            call()
    with pytest.raises(ArgumentError, match="expected 0 to 0"):
        model.prefix_encoder().truncate(1)
