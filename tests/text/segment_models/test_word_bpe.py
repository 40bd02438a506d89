"""BPE whose tokens tell where in a word they stand: `</w>` of CLIP, `##` before what goes on."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import word_bpe_reference as reference
from tests.text.format_samples import CORPUS, SAMPLES
from tokkit import load_tokenizer
from tokkit.errors import EncodingError, FormatError, UnsupportedError
from tokkit.text.loading import read_spec
from tokkit.text.segment_models.word_bpe import WordBpeModel
from tokkit.text.spec import MergeTable, SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

SPLITS = (SplitRule(r"\s+", "removed"),)


@st.composite
def specs(draw: st.DrawFn, *, spaced: bool = False) -> TokenizerSpec:
    """Toys over a, b and é, with marks at the end of words, before what goes on, or both."""
    marks_end, marks_inside = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
    tokens: list[tuple[str, bool, bool]] = [
        (char, inside, final)
        for char, inside, final in product("abé", (False, True), (False, True))
        if (marks_inside or not inside) and (marks_end or not final)
    ]
    rows: list[tuple[int, int, int]] = []
    for _ in range(draw(st.integers(0, 8))):
        left, right = draw(st.sampled_from(tokens)), draw(st.sampled_from(tokens))
        result = (left[0] + right[0], left[1], right[2])
        if left[2] or (marks_inside and not right[1]) or len(result[0]) > 4:
            continue
        if result not in tokens:
            tokens.append(result)
        rows.append((tokens.index(left), tokens.index(right), tokens.index(result)))
    table = np.array(rows or np.empty((0, 3)), dtype=np.int32).reshape(-1, 3).T
    order = draw(st.permutations(range(len(rows))))
    before, behind = (b" " * (spaced and not marks_end), b" " * (spaced and marks_end))
    return TokenizerSpec(
        name="toy",
        family="word_bpe",
        token_bytes=tuple(
            before * (not inside) + text.encode() + behind * final for text, inside, final in tokens
        ),
        kinds=np.zeros(len(tokens), dtype=np.uint8),
        merges=MergeTable(*table, rank=np.array(order, dtype=np.int32)),
        char_units=True,
        continuing=np.array([token[1] for token in tokens]) if marks_inside else None,
        word_final=np.array([token[2] for token in tokens]) if marks_end else None,
        word_space="none" if not spaced else "after" if marks_end else "before",
        splits=SPLITS if spaced else (),
    )


WORDS = st.lists(st.text("abéc", min_size=1, max_size=7), min_size=1, max_size=4)


@settings(max_examples=30, deadline=None)
@given(specs(), WORDS)
def test_words_are_merged_as_defined(spec, words):
    model = WordBpeModel(spec)
    text = np.frombuffer("".join(words).encode(), dtype=np.uint8)
    bounds = np.cumsum([0, *(len(word.encode()) for word in words)])
    encoded = [reference.encode(spec, word) for word in words]
    expected = [part for part in encoded if part is not None]
    if len(expected) < len(encoded):
        with pytest.raises(EncodingError, match="0x63"):
            model.encode(text, bounds)
        return
    ids, ends = model.encode(text, bounds)
    assert ids.tolist() == [token for part in expected for token in part]
    spelled = [spec.token_bytes[token] for token in ids]
    assert ends.tolist() == np.cumsum([len(data) for data in spelled]).tolist()
    assert b"".join(spelled) == text.tobytes()
    assert model.count(text, bounds) == len(ids)
    encoder = model.prefix_encoder()
    encoder.append(words[0].encode())
    assert encoder.ids() == expected[0]


@settings(max_examples=10, deadline=None)
@given(specs())
def test_a_sequence_is_canonical_iff_it_begins_the_encoding_of_a_word(spec):
    ours = TextTokenizer(spec)
    expected = reference.prefixes(spec, "abé", 6)
    states: list[tuple[tuple[int, ...], int]] = [((), ours.canonical.START)]
    for _ in range(3):
        states = [
            ((*ids, token), after)
            for ids, state in states
            for token in range(spec.vocab_size)
            if (after := ours.canonical.advance(state, token)) != ours.canonical.DEAD
        ]
        of_words = {ids for ids, _ in states}
        length = len(states[0][0]) if states else 0
        # Tokens of one character each are found among the words of up to six; others lie beyond.
        short = {ids for ids in expected if len(ids) == length}
        assert short <= of_words
        for ids in of_words - short:
            assert sum(len(spec.token_bytes[token].decode()) for token in ids) >= 5
    for ids, state in states:
        assert np.flatnonzero(ours.canonical.mask(state)).tolist() == [
            token for token in range(spec.vocab_size)
            if ours.canonical.advance(state, token) != ours.canonical.DEAD
        ]  # fmt: skip
        ends = spec.word_final is None or bool(spec.word_final[ids[-1]])
        assert ours.canonical.may_end(state) == ends


@settings(max_examples=25, deadline=None)
@given(specs(spaced=True), WORDS)
def test_words_with_spaces_between_them_are_canonical_and_come_back(spec, words):
    ours = TextTokenizer(spec)
    text = "  ".join(words).encode()
    try:
        ids = ours.encode(text)
    except EncodingError:
        assert "c" in "".join(words)
        return
    assert ours.decode(ids).decode() == " ".join(words)
    assert ours.is_canonical(ids)
    assert ours.canonical.may_end(ours.canonical.run(ids))
    found = ours.encode_with_offsets(text)
    spelled = [text[a:b] for a, b in zip(found.starts, found.ends, strict=True)]
    assert spelled == [spec.token_bytes[token].strip() for token in ids]


def clip_like(**changes):
    """A document that trains as CLIP's tokenizer does."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE(end_of_word_suffix="</w>", unk_token="<|end|>")
    )
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Split(
            tokenizers.Regex(r"'s|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True
        ),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False),
    ])  # fmt: skip
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=900, special_tokens=["<|end|>"], end_of_word_suffix="</w>",
        initial_alphabet=alphabet, show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(CORPUS, trainer)
    document = json.loads(tokenizer.to_str())
    vocab = document["model"]["vocab"]
    for char in alphabet:
        for text in (char, char + "</w>"):
            vocab.setdefault(text, len(vocab))
    return document | changes


def write(folder, document):
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(document))
    return path


def test_a_byte_level_file_with_a_suffix_is_read_as_in_the_library(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    path = write(tmp_path, clip_like())
    ours, library = load_tokenizer(path), tokenizers.Tokenizer.from_file(str(path))
    for text in [*SAMPLES, "It's 2 é", "\x00"]:
        ids = ours.encode(text)
        assert ids == library.encode(text).ids, text
        words = library.decode(ids).replace("</w>", " ").strip()
        assert ours.decode(ids).decode() == words
        assert ours.is_canonical(ids)
    assert ours.encode(b"a\xffb") == [*ours.encode("a"), *ours.encode(b"\xff"), *ours.encode("b")]
    ours.save(tmp_path / "saved")
    again = TextTokenizer.load(tmp_path / "saved")
    assert again.encode(SAMPLES[6]) == ours.encode(SAMPLES[6])
    assert again.decode(again.encode("it 's")) == b"it 's"


CHARS: dict[str, Any] = {
    "type": "BPE", "unk_token": "<unk>", "end_of_word_suffix": "</w>",
    "vocab": {text: i for i, text in enumerate(
        ["<unk>", "a", "b", "a</w>", "b</w>", "ab", "ab</w>", "</w>", "x</w>"]
    )},
    "merges": ["a b</w>", "a b"],
}  # fmt: skip
PREFIXED = {
    "type": "BPE", "unk_token": "<unk>", "continuing_subword_prefix": "##", "fuse_unk": True,
    "vocab": {text: i for i, text in enumerate(["<unk>", "a", "b", "##a", "##b", "ab", "##ab"])},
    "merges": ["a ##b", "##a ##b"],
}  # fmt: skip


@pytest.mark.parametrize("model", [CHARS, PREFIXED], ids=["suffix", "prefix"])
@pytest.mark.parametrize("pre", ["WhitespaceSplit", "BertPreTokenizer", None])
def test_marked_characters_are_read_as_in_the_library(tmp_path, model, pre):
    tokenizers = pytest.importorskip("tokenizers")
    pre_tokenizer = None if pre is None else {"type": pre}
    path = write(tmp_path, {"model": model, "pre_tokenizer": pre_tokenizer})
    ours, library = load_tokenizer(path), tokenizers.Tokenizer.from_file(str(path))
    for text in ["a", "ab", "abab  ba", "aab b", "x", "", "ac cb", "é", "ccab", "bbb aaa"]:
        expected = library.encode(text).ids
        if 0 in expected:
            with pytest.raises(EncodingError):
                ours.encode(text)
        else:
            assert ours.encode(text) == expected, text
            assert ours.is_canonical(expected)
        pieces = list(ours.pieces(text))
        ids = [ours.model.encode_with_unknown(each.text, each.bounds)[0] for each in pieces]
        assert [int(token) for part in ids for token in part] == expected


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"byte_fallback": True}, UnsupportedError),
        ({"ignore_merges": True}, UnsupportedError),
        ({"dropout": 0.1}, UnsupportedError),
        ({"end_of_word_suffix": 7}, FormatError),
        ({"merges": ["a </w>"], "vocab": CHARS["vocab"] | {"a": 9}}, UnsupportedError),
        ({"merges": ["a x</w>"]}, FormatError),
    ],
)
def test_what_a_mark_makes_ambiguous_is_refused(tmp_path, changes, error):
    with pytest.raises(error):
        read_spec(write(tmp_path, {"model": CHARS | changes}))


@pytest.mark.parametrize("dropout", [None, 0.0, 0])
def test_a_dropout_of_nothing_is_none(tmp_path, dropout):
    spec = read_spec(write(tmp_path, {"model": CHARS | {"dropout": dropout}}))
    assert spec.kinds[7] == TokenKind.NORMAL


def test_flags_that_contradict_the_tokens_are_refused():
    spec = TokenizerSpec(
        name="toy",
        family="word_bpe",
        token_bytes=(b"a", b"b"),
        kinds=np.zeros(2, dtype=np.uint8),
        merges=MergeTable(*np.empty((4, 0), dtype=np.int32)),
        word_final=np.array([False, True]),
        word_space="after",
    )
    with pytest.raises(FormatError, match="space after the word"):
        WordBpeModel(spec)
