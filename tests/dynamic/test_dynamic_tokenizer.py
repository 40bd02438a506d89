"""A dynamic tokenizer is a tokenizer, and its ids mean the same in all batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokkit
import tokkit.dynamic
from tests.dynamic.test_merging import SMALL, over
from tokkit.dynamic.dynamic_tokenizer import DynamicTokenizer
from tokkit.dynamic.embedding import EmbeddingCache, SubtokenEmbedder
from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.tokenizer import Tokenizer

TEXTS = st.lists(st.text(st.sampled_from("ab c\né<|end>"), max_size=20), max_size=4)
MATRIX = np.random.default_rng(0).standard_normal((SMALL.vocab_size, 4)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_decoding_inverts_encoding_in_every_batch(batches: list[list[str]]) -> None:
    tokenizer = DynamicTokenizer(SMALL, None)
    assert isinstance(tokenizer, Tokenizer)
    encoded = [tokenizer.encode_batch(batch) for batch in batches]
    for batch, sequences in zip(batches, encoded, strict=True):
        for text, ids in zip(batch, sequences, strict=True):
            assert tokenizer.decode(ids.tolist()) == text.encode()
            assert tokenizer.expand(ids.tolist()) == SMALL.encode(text)
            assert all(0 <= token < tokenizer.vocab_size for token in ids.tolist())
    spelled = [tokenizer.decode([token]) for token in range(SMALL.vocab_size, tokenizer.vocab_size)]
    assert len(set(spelled)) == len(spelled)


def test_a_string_has_one_id_in_all_batches() -> None:
    tokenizer = DynamicTokenizer(over(), None)
    first = tokenizer.encode("xyxy")
    second = tokenizer.encode("zz zz")
    assert tokenizer.encode("xy") != first[:1]  # stands once: not merged
    assert tokenizer.encode("axyxy")[1:] == first
    assert not {*first} & {*second}
    tokenizer.forget()
    assert tokenizer.vocab_size == tokenizer.tokenizer.vocab_size
    with pytest.raises(EncodingError, match="before forget was called"):
        tokenizer.decode(first)


def test_rows_are_those_of_the_spellings_and_padding_is_told_apart() -> None:
    embedder = SubtokenEmbedder(MATRIX)
    tokenizer = DynamicTokenizer(SMALL, EmbeddingCache(embedder, 3))
    sequences = tokenizer.encode_batch(["cbcb cb", "cb", ""])
    rows, mask = tokenizer.embed_batch([ids.tolist() for ids in sequences])
    assert rows.shape == (3, max(map(len, sequences)), 4)
    for ids, row, real in zip(sequences, rows, mask, strict=True):
        assert real.tolist() == [True] * len(ids) + [False] * (rows.shape[1] - len(ids))
        spellings = [tokenizer.spelling(token) for token in ids.tolist()]
        np.testing.assert_array_equal(row[: len(ids)], embedder.rows(spellings))
        assert not row[len(ids) :].any()


def test_a_saved_tokenizer_goes_on_where_it_was(tmp_path: Path) -> None:
    limits: dict[str, Any] = {"target_reduction": np.float32(0.5), "min_count": np.int64(2)}
    tokenizer = DynamicTokenizer(SMALL, None, within_words=False, **limits)
    ids = tokenizer.encode("cbcb cb cb")
    tokenizer.save(tmp_path)
    loaded = cast("DynamicTokenizer", tokkit.load_tokenizer(tmp_path))
    assert loaded.limits == tokenizer.limits
    assert loaded.decode(ids) == b"cbcb cb cb"
    assert loaded.encode("cbcb cb cb") == ids
    assert loaded.vocab_size == tokenizer.vocab_size
    document = json.loads((tmp_path / "dynamic.json").read_text())
    for wrong in ([[1]], [[1, 2], [1, 2]], [[1, 999]], [["a", 1]], 3):
        (tmp_path / "dynamic.json").write_text(json.dumps({**document, "spellings": wrong}))
        with pytest.raises(FormatError, match="spellings"):
            DynamicTokenizer.load(tmp_path)
    (tmp_path / "dynamic.json").write_text(json.dumps({**document, "limits": {"min_count": 0}}))
    with pytest.raises(FormatError, match="min_count"):
        DynamicTokenizer.load(tmp_path)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ArgumentError, match="method rows"):
        DynamicTokenizer(SMALL, cast(Any, "mean"))
    with pytest.raises(ArgumentError, match="min_count"):
        DynamicTokenizer(SMALL, None, min_count=0)
    tokenizer = DynamicTokenizer(SMALL, None)
    with pytest.raises(ArgumentError, match="has no embedder"):
        tokenizer.embed([1])
    with pytest.raises(ArgumentError, match="budget"):
        tokenizer.encode("a", budget=3)
    with pytest.raises(ArgumentError, match="merged with"):
        tokenizer.adopt(tokkit.merge_batch(["a"], tokenizer=over()))
    with pytest.raises(ArgumentError, match="MergedBatch"):
        tokenizer.adopt(cast(Any, 5))
    with pytest.raises(ArgumentError, match="an id must be"):
        tokenizer.spelling(cast(Any, "x"))
    for token in (-1, tokenizer.vocab_size):
        with pytest.raises(EncodingError, match="outside"):
            tokenizer.decode([token])


def test_the_public_names_of_the_room_resolve() -> None:
    for name in tokkit.dynamic.__all__:
        assert getattr(tokkit.dynamic, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = tokkit.dynamic.nonsense


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.uint32, np.int64, np.uint64])
def test_an_id_may_be_of_any_type_of_numpy(kind: Any) -> None:
    tokenizer = DynamicTokenizer(SMALL, None)
    assert tokenizer.spelling(kind(3)) == (3,)
    assert type(tokenizer.spelling(kind(3))[0]) is int
