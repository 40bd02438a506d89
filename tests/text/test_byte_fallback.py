"""A byte token may be missing where no text needs it; else the file is refused."""

import json

import pytest

from tokkit import load_tokenizer
from tokkit.errors import EncodingError, FormatError
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


@pytest.mark.parametrize("kind", ["BPE", "Unigram"])
@pytest.mark.parametrize("byte", [0x09, 0x63, 0x80, 0xC2, 0xF4])
def test_a_byte_that_a_text_may_need_is_missed(tmp_path, kind, byte):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(document(kind, missing=[byte])))
    with pytest.raises(FormatError, match=f"<0x{byte:02X}>"):
        read_spec(path)
