"""Merging a batch gives what counting everything anew for each merge gives, and can be undone."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokkit
from tests.reference import merging_reference as reference
from tokkit.dynamic.merging import merge_batch
from tokkit.errors import ArgumentError, EncodingError
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

END = b"<|end|>"


def over(*tokens: bytes, special: bool = True) -> TextTokenizer:
    """Greedy tokens over all bytes; the last token is `<|end|>`."""
    spellings = [bytes([value]) for value in range(256)] + list(tokens) + [b""] * special
    kinds = np.full(len(spellings), TokenKind.NORMAL, np.uint8)
    named: dict[str, int] = {}
    if special:
        kinds[-1] = TokenKind.SPECIAL
        named = {END.decode(): len(spellings) - 1}
    return TextTokenizer(TokenizerSpec("toy", "greedy", tuple(spellings), kinds, named))


def ids_of(tokenizer: TextTokenizer, *spellings: bytes) -> list[int]:
    return [tokenizer.spec.token_bytes.index(spelling) for spelling in spellings]


def oracle(tokenizer: TextTokenizer, sequences: Any, **limits: Any) -> reference.Merged:
    return reference.merge(
        sequences, reference.Vocabulary(list(tokenizer.spec.token_bytes)), **limits
    )


SMALL = over(b"ab", b"bc", b"abc", b" a", b"aa", "é".encode(), " 　".encode())
PIECES = [
    *(b"a", b"b", b"c", b" ", b"\n", b"ab", b"bc", b"abc", b" a", b"aa", b"\xc3", b"\xa9"),
    *("é".encode(), "　".encode()[:1], "　".encode()[1:2], "　".encode()[2:], b""),
]
BATCHES = st.lists(st.lists(st.sampled_from(ids_of(SMALL, *PIECES)), max_size=25), max_size=5)
LIMITS = st.one_of(
    st.fixed_dictionaries({"n_merges": st.one_of(st.none(), st.integers(0, 8))}),
    st.fixed_dictionaries({"target_reduction": st.floats(0, 0.9)}),
)


@settings(max_examples=150, deadline=None)
@given(BATCHES, LIMITS, st.integers(1, 4), st.booleans())
def test_merging_is_recounting(
    batch: list[list[int]], limit: dict[str, Any], min_count: int, within_words: bool
) -> None:
    options: dict[str, Any] = {**limit, "min_count": min_count, "within_words": within_words}
    merged = merge_batch(batch, tokenizer=SMALL, **options)
    expected = oracle(SMALL, batch, **options)
    assert [ids.tolist() for ids in merged.sequences] == expected.sequences
    assert merged.merges == expected.merges
    assert merged.counts == expected.counts


@settings(max_examples=50, deadline=None)
@given(BATCHES, st.booleans())
def test_unmerging_inverts_merging_and_keeps_bytes_and_places(
    batch: list[list[int]], within_words: bool
) -> None:
    merged = merge_batch(batch, tokenizer=SMALL, within_words=within_words, min_count=1)
    assert [ids.tolist() for ids in merged.unmerge()] == batch
    assert sum(merged.removed) == merged.n_original - merged.n_ids
    for before, after, offsets in zip(batch, merged.sequences, merged.offsets, strict=True):
        assert after.dtype == np.int32
        assert offsets.ravel().tolist()[1:-1:2] == offsets.ravel().tolist()[2::2]  # no gaps
        assert [offsets[0, 0], offsets[-1, 1]] == [0, len(before)] if before else not len(offsets)
        for token, (start, end) in zip(after.tolist(), offsets.tolist(), strict=True):
            spelled = b"".join(map(SMALL.token_bytes, before[start:end]))
            assert merged.token_bytes(token) == spelled
            assert b"".join(map(SMALL.token_bytes, merged.original_ids(token))) == spelled
            assert max(merged.original_ids(token)) < SMALL.vocab_size
    known = set(SMALL.spec.token_bytes)
    new = [merged.token_bytes(token) for token in range(SMALL.vocab_size, merged.vocab_size)]
    assert len(set(new)) == len(new)
    assert known.isdisjoint(new)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab c\né<|end>　"), max_size=30), max_size=4))
def test_offsets_of_a_text_are_its_bytes(texts: list[str]) -> None:
    merged = merge_batch(texts, tokenizer=SMALL)
    for text, ids, offsets in zip(texts, merged.sequences, merged.offsets, strict=True):
        parts = [text.encode()[start:end] for start, end in offsets.tolist()]
        assert parts == [merged.token_bytes(token) for token in ids.tolist()]
        assert b"".join(parts) == text.encode()


def test_overlapping_runs_count_at_every_place() -> None:
    a = ord("a")
    tokenizer = over()
    merged = merge_batch([[a] * 3], tokenizer=tokenizer)
    assert merged.counts == [2]
    assert merged.removed == [1]
    assert [merged.token_bytes(token) for token in merged.sequences[0]] == [b"aa", b"a"]
    long = merge_batch([[a] * 9], tokenizer=tokenizer)
    assert long.counts == oracle(tokenizer, [[a] * 9]).counts


def test_of_equal_pairs_the_first_in_the_batch_is_merged() -> None:
    merged = merge_batch([b"xyab", b"abxy"], tokenizer=over(), n_merges=1)
    assert merged.merges == [(ord("x"), ord("y"))]
    merged = merge_batch([b"", b"abxy", b"xyab"], tokenizer=over(), n_merges=1)
    assert merged.merges == [(ord("a"), ord("b"))]


def test_one_string_has_one_id() -> None:
    tokenizer = over(b"bc", b"ab")
    a, bc, ab, c, x = ids_of(tokenizer, b"a", b"bc", b"ab", b"c", b"x")
    batch = [[a, bc, x], [a, bc], [ab, c, x], [ab, c]]
    merged = merge_batch(batch, tokenizer=tokenizer, n_merges=2)
    assert merged.merges == [(a, bc), (ab, c)]
    assert merged.results == [tokenizer.vocab_size] * 2
    assert merged.vocab_size == tokenizer.vocab_size + 1
    assert merged.original_ids(tokenizer.vocab_size) == (a, bc)
    assert [ids.tolist() for ids in merged.unmerge()] == batch


def test_a_merged_string_that_is_a_token_keeps_its_id() -> None:
    tokenizer = over(b"abc")
    merged = merge_batch([b"xab", b"yab"], tokenizer=over(b"ab", special=False), n_merges=1)
    assert merged.vocab_size == 257
    batch = [list(b"abc"), list(b"abc")]
    merged = merge_batch(batch, tokenizer=tokenizer)
    (abc,) = ids_of(tokenizer, b"abc")
    assert [ids.tolist() for ids in merged.sequences] == [[abc], [abc]]
    assert merged.original_ids(abc) == (abc,)


def test_special_tokens_never_merge_and_literal_text_never_becomes_one() -> None:
    tokenizer = over()
    end = tokenizer.special_tokens[END.decode()]
    merged = merge_batch([[97, end, 97, end, 97, end]], tokenizer=tokenizer, within_words=False)
    assert not merged.merges
    merged = merge_batch([END * 3], tokenizer=tokenizer)
    assert end not in merged.sequences[0].tolist()
    assert len(merged.sequences[0]) < 3 * len(END)


def test_words_begin_with_white_space_or_a_mark() -> None:
    tokenizer = over("　".encode())
    merged = merge_batch(["ab ab　ab\nab"] * 2, tokenizer=tokenizer)
    assert {merged.token_bytes(token) for token in merged.sequences[0]} == {
        b"ab", b" ab", "　ab".encode(), b"\nab"
    }  # fmt: skip
    joined = merge_batch(["a b a b"], tokenizer=over(), within_words=False)
    assert any(b" b" in joined.token_bytes(token)[1:] for token in joined.sequences[0])


@pytest.mark.parametrize("family", ["wordpiece", "word_bpe"])
def test_marks_of_words_tell_tokens_apart(family: Any) -> None:
    spellings = (b"a", b"b", b"ab", b"a", b"b", b"ab")
    marked = np.array([False] * 3 + [True] * 3)
    spec = TokenizerSpec("toy", family, spellings, np.zeros(6, np.uint8))
    inside = family == "wordpiece"
    spec = replace(spec, continuing=marked) if inside else replace(spec, word_final=marked)
    tokenizer = TextTokenizer.__new__(TextTokenizer)
    tokenizer.spec = spec
    rng = np.random.default_rng(0)
    for _ in range(30):
        batch = [rng.integers(0, 6, 40).tolist() for _ in range(2)]
        first, last = ({0, 1, 2}, set[int]()) if inside else (set[int](), {3, 4, 5})
        vocabulary = reference.Vocabulary(list(spellings), first, last)
        expected = reference.merge(batch, vocabulary)
        merged = merge_batch(batch, tokenizer=tokenizer)
        assert merged.merges == expected.merges
        assert [ids.tolist() for ids in merged.sequences] == expected.sequences


def test_of_tokens_spelt_alike_the_one_that_encoding_gives_is_made() -> None:
    spellings = (b"a", b"b", b"ab", b"ab")
    kinds = np.array([0, 0, TokenKind.LITERAL, TokenKind.NORMAL], np.uint8)
    tokenizer = TextTokenizer(TokenizerSpec("toy", "greedy", spellings, kinds))
    assert merge_batch([[0, 1]], tokenizer=tokenizer, min_count=1).sequences[0].tolist() == [3]


def test_a_target_is_reached_and_not_overshot_by_a_whole_merge() -> None:
    rng = np.random.default_rng(1)
    batch = [rng.choice(list(b"abcd"), 200).tolist() for _ in range(3)]
    for target in (0.0, 0.1, 0.25, 0.5):
        merged = merge_batch(batch, tokenizer=over(), target_reduction=target)
        assert merged.reduction >= target
        before = merged.n_original - merged.n_ids - sum(merged.removed[-1:])
        assert not merged.merges or before < target * merged.n_original


def test_a_long_batch_merges_as_the_oracle_does() -> None:
    rng = np.random.default_rng(2)
    words = [bytes(rng.choice(list(b"abcde"), rng.integers(1, 7)).tolist()) for _ in range(60)]
    texts = [b" ".join(words[k] for k in rng.zipf(1.3, 150) % 60) for _ in range(6)]
    merged = merge_batch(texts, tokenizer=over(), n_merges=200)
    expected = oracle(over(), [list(text) for text in texts], n_merges=200)
    assert merged.merges == expected.merges
    assert len(merged.merges) > 100
    assert [ids.tolist() for ids in merged.sequences] == expected.sequences


def test_many_copies_of_one_text_become_one_token() -> None:
    text = bytes(np.random.default_rng(3).integers(97, 123, 4000).tolist())
    merged = merge_batch([text, text], tokenizer=over())
    assert merged.n_ids == 2
    assert merged.token_bytes(int(merged.sequences[0][0])) == text


def test_word_ids_and_labels_map_through() -> None:
    merged = merge_batch([b"ab ab", b""], tokenizer=over(), min_count=1)
    assert merged.n_ids == 2
    assert merged.map_word_ids([[0, 0, 1, 1, 1], []]) == [[0, 1], []]
    assert merged.map_labels([[7, -100, -100, 8, 9], []]) == [[7, 8], []]
    assert merged.map_labels([[7, -1, -1, -1, -1], []], ignore=-1) == [[7, -1], []]
    with pytest.raises(ArgumentError, match=r"labels\[0\] has 4 values for 5 ids"):
        merged.map_labels([[1, 2, 3, 4], []])
    with pytest.raises(ArgumentError, match="1 rows of word_ids for 2 sequences"):
        merged.map_word_ids([[0, 0, 1, 1, 1]])


def test_ids_of_a_batch_expand_and_others_are_refused() -> None:
    tokenizer = over()
    merged = merge_batch([b"abab"], tokenizer=tokenizer)
    assert merged.expand(merged.sequences[0].tolist()) == list(b"abab")
    for token in (-1, merged.vocab_size):
        with pytest.raises(EncodingError, match="outside the vocabulary of this batch"):
            merged.token_bytes(token)
    with pytest.raises(ArgumentError, match="whole number"):
        merged.original_ids("a")  # type: ignore[arg-type]


def test_nothing_merges_to_nothing() -> None:
    for batch in ([], [[]], [b"", []]):
        merged = merge_batch(batch, tokenizer=over(), target_reduction=0.5)
        assert merged.reduction == 0
        assert [ids.tolist() for ids in merged.sequences] == [[]] * len(batch)
        assert [offsets.shape for offsets in merged.offsets] == [(0, 2)] * len(batch)


@pytest.mark.parametrize(
    ("batch", "options", "error", "message"),
    [
        ("ab", {}, ArgumentError, "single str"),
        ([[1, 300]], {}, EncodingError, re.escape("sequences[0][1] is 300, outside the vocab")),
        ([[1], [-100]], {}, EncodingError, re.escape("sequences[1][0] is -100, outside")),
        ([[1, 1 << 70]], {}, EncodingError, "outside"),
        ([np.array([1.5])], {}, ArgumentError, "one row of ids"),
        ([np.zeros((2, 2), int)], {}, ArgumentError, "one row of ids"),
        ([3], {}, ArgumentError, "sequence of whole numbers"),
        ([[1.5]], {}, ArgumentError, "sequence of whole numbers"),
        ([[1]], {"min_count": 0}, ArgumentError, "min_count must be a whole number of at least 1"),
        ([[1]], {"n_merges": -1}, ArgumentError, "n_merges"),
        ([[1]], {"n_merges": 1, "target_reduction": 0.1}, ArgumentError, "leave the other out"),
        ([[1]], {"target_reduction": 1.0}, ArgumentError, "from 0 to below 1"),
        ([[1]], {"target_reduction": float("nan")}, ArgumentError, "finite"),
        ([[1]], {"within_words": "no"}, ArgumentError, "within_words"),
    ],
)
def test_bad_input_is_refused(
    batch: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        merge_batch(batch, tokenizer=over(), **options)


def test_the_public_names_are_these() -> None:
    assert tokkit.merge_batch is merge_batch
    assert tokkit.MergedBatch.__name__ == "MergedBatch"
