"""A byte token may be missing where no text needs it; else the file is refused."""

import json
from typing import Any

import pytest

from tokkit import load_tokenizer
from tokkit.errors import EncodingError, FormatError, UnsupportedError
from tokkit.text.loading import read_spec

TEXTS = ["a\tb", "\t", "é\t€", "a b", "\x00\x7f", "🎉"]


def document(kind, *, missing, extra=()):
    texts = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256) if byte not in missing)]
    texts += ["a", "b", "\u2581", *extra]
    vocab = {text: i for i, text in enumerate(texts)}
    model = {"type": kind, "byte_fallback": True, "vocab": vocab, "merges": []}
    if kind == "Unigram":
        model |= {"vocab": [[text, -1.0 - i / 999] for i, text in enumerate(texts)], "unk_id": 0}
    return {
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
        "model": model | {"unk_token": "<unk>"} if kind == "BPE" else model,
    }


@pytest.mark.parametrize("kind", ["BPE", "Unigram"])
def test_a_byte_whose_character_is_a_token_is_not_needed(tmp_path, kind):
    tokenizers = pytest.importorskip("tokenizers")
    missing = [0x09, 0x20, 0xC0, 0xC1, *range(0xF5, 0x100)]
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(document(kind, missing=missing, extra=["\t"])))
    ours, reference = load_tokenizer(path), tokenizers.Tokenizer.from_file(str(path))
    for text in TEXTS:
        assert ours.encode(text) == reference.encode(text).ids, text
        assert ours.decode(ours.encode(text)) == text.encode()
    with pytest.raises(EncodingError, match="0xff"):
        ours.encode(b"a\xff")


@pytest.mark.parametrize("byte", [0x09, 0x63, 0x82, 0xC3, 0xF0])
def test_the_unknown_token_of_unigram_stands_for_what_bytes_cannot_spell(tmp_path, byte):
    tokenizers = pytest.importorskip("tokenizers")
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(document("Unigram", missing=[byte])))
    ours, reference = load_tokenizer(path), tokenizers.Tokenizer.from_file(str(path))
    for text in [*TEXTS, "abcé€🎉a"]:
        expected = reference.encode(text).ids
        assert ours.encode(text, unk="use") == expected, text
        if 0 in expected:
            with pytest.raises(EncodingError):
                ours.encode(text)
        else:
            assert ours.encode(text) == expected


@pytest.mark.parametrize("kind", ["BPE", "Unigram"])
@pytest.mark.parametrize("byte", [0x09, 0x63, 0x80, 0xC2, 0xF4])
def test_a_byte_that_a_text_may_need_is_missed(tmp_path, kind, byte):
    path = tmp_path / "tokenizer.json"
    found: dict[str, Any] = document(kind, missing=[byte])
    if kind == "Unigram":
        found["model"]["unk_id"] = None
    path.write_text(json.dumps(found))
    with pytest.raises(FormatError, match=f"<0x{byte:02X}>"):
        read_spec(path)


@pytest.mark.parametrize("kind", ["BPE", "Unigram"])
def test_a_space_that_would_be_spelled_as_its_mark_is_refused(tmp_path, kind):
    found: dict[str, Any] = document(kind, missing=[])
    vocab = found["model"]["vocab"]
    if kind == "BPE":
        del vocab["\u2581"]
    else:
        found["model"]["vocab"] = [entry for entry in vocab if entry[0] != "\u2581"]
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(found))
    with pytest.raises(UnsupportedError, match="for a space"):
        read_spec(path)
