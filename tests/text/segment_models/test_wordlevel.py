"""WordLevel models: one token a word, and an error for a word that has none."""

import json

import pytest

from tokkit import load_tokenizer
from tokkit.errors import EncodingError, FormatError, UnsupportedError
from tokkit.text.loading import read_spec

WORDS = ["<unk>", "ab", "a", "abc", "a-b", "-", "é", "日本", "", "##b", "<pad>"]
TEXTS = [
    "ab abc  a",
    "é\u3000日本",
    "",
    " ",
    "ab-a",
    "a-b",
    "##b a",
    "<pad>",
    "abcd",
    "b",
    "abc" * 9,
]


def write(folder, **changes):
    document = {
        "added_tokens": [{"id": 10, "content": "<pad>", "special": True, "single_word": False,
                          "lstrip": False, "rstrip": False, "normalized": False}],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {
            "type": "WordLevel",
            "vocab": {word: i for i, word in enumerate(WORDS)},
            "unk_token": "<unk>",
        },
    }  # fmt: skip
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(document | changes))
    return path


@pytest.mark.parametrize("kind", ["WhitespaceSplit", "BertPreTokenizer", "Digits"])
def test_words_become_the_tokens_of_the_library(tmp_path, kind):
    tokenizers = pytest.importorskip("tokenizers")
    pre = {"type": kind} | ({"individual_digits": True} if kind == "Digits" else {})
    path = write(tmp_path, pre_tokenizer=pre)
    ours, reference = load_tokenizer(path), tokenizers.Tokenizer.from_file(str(path))
    n_known = 0
    for text in TEXTS:
        expected = reference.encode(text, add_special_tokens=False).ids
        if 0 in expected:
            with pytest.raises(EncodingError, match="unknown"):
                ours.encode(text, specials=True)
        elif expected:
            n_known += 1
            ids = ours.encode(text, specials=True)
            assert ids == expected
            assert ours.decode(ids).decode() == reference.decode(ids)
            assert ours.is_canonical(ids) == (10 not in ids)
    assert n_known


def test_a_sequence_is_canonical_iff_its_words_are_what_the_pretokenizer_leaves(tmp_path):
    ours = load_tokenizer(write(tmp_path, pre_tokenizer={"type": "BertPreTokenizer"}))
    assert ours.is_canonical([1, 3, 2, 5])
    assert not ours.is_canonical([4])
    assert not ours.is_canonical([0])
    assert ours.canonical.mask(ours.canonical.START).nonzero()[0].tolist() == [1, 2, 3, 5, 6, 7]


def test_an_unknown_token_that_is_not_there_leaves_unknown_words_without_one(tmp_path):
    model = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "<unk>"}
    ours = load_tokenizer(write(tmp_path, model=model, added_tokens=[]))
    assert ours.encode("a a") == [0, 0]
    with pytest.raises(EncodingError):
        ours.encode("b")


@pytest.mark.parametrize("vocab", [{}, {"a": -1}, {"a": 0, "b": 0}, ["a"], {"a": "b"}, None])
def test_a_damaged_vocabulary_is_refused(tmp_path, vocab):
    model = {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"}
    with pytest.raises(FormatError):
        read_spec(write(tmp_path, model=model, added_tokens=[]))


def test_words_in_the_byte_alphabet_are_refused_by_name(tmp_path):
    with pytest.raises(UnsupportedError, match="byte alphabet"):
        read_spec(write(tmp_path, pre_tokenizer={"type": "ByteLevel"}))
