"""Damaged and hostile vocabularies of one token a line, and configs beside them."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.errors import FormatError, TokkitError
from tokkit.text.loading import read_spec

VOCAB = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\n"
FILES = {
    "bert": ("vocab.txt", VOCAB, {}),
    "rwkv": ("rwkv_vocab.txt", "1 'a' 1\n2 b'\\xff' 1\n3 'é' 2\n", {}),
    "phobert": ("bpe.codes", "a b</w> 9\nc d 8\n", {"vocab.txt": "ab 3\ncd@@ 2\na@@ 1\n"}),
    "gpt2-bpe": (
        "merges.txt", "#version: 0.2\na b</w>\n",
        {"vocab.json": json.dumps({"a": 0, "b</w>": 1, "ab</w>": 2, "<unk>": 3}),
         "tokenizer_config.json": '{"tokenizer_class": "OpenAIGPTTokenizer"}'},
    ),
}  # fmt: skip


def write(folder, kind, content=None):
    name, whole, beside = FILES[kind]
    for other, text in beside.items():
        (folder / other).write_text(text, encoding="utf-8")
    path = folder / name
    path.write_bytes(whole.encode() if content is None else content)
    return path


@pytest.mark.parametrize("kind", FILES)
def test_the_undamaged_files_are_read(tmp_path, kind):
    assert read_spec(write(tmp_path, kind)).vocab_size >= 3
    assert read_spec(tmp_path).vocab_size >= 3


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=120))
def test_noise_gives_a_typed_error(tmp_path_factory, kind, data):
    path = write(tmp_path_factory.mktemp("noise"), kind, data)
    with pytest.raises(TokkitError):
        read_spec(path, format=kind)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("seed", range(12))
def test_a_truncated_or_altered_file_is_read_or_refused_with_a_typed_error(tmp_path, kind, seed):
    data = FILES[kind][1].encode()
    at = 1 + seed * len(data) // 13
    for damaged in (data[:at], data[:at] + b"\xff" + data[at:], data[:at] + data[at + 1 :]):
        with contextlib.suppress(TokkitError):
            assert read_spec(write(tmp_path, kind, damaged), format=kind).vocab_size > 0


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    "config",
    [
        b"[]", b"{", b"\xff", b"", b"[" * 3000, b'{"a": 1, "a": 2}',
        b'{"added_tokens_decoder": [1]}', b'{"added_tokens_decoder": {"x": {}}}',
    ],
)  # fmt: skip
def test_a_damaged_config_beside_a_vocabulary_is_refused(tmp_path, kind, config):
    path = write(tmp_path, kind)
    (tmp_path / "tokenizer_config.json").write_bytes(config)
    if kind == "rwkv" or (kind == "phobert" and b"added" in config):
        assert read_spec(path).vocab_size > 0  # nothing of it is asked for
        return
    with pytest.raises(TokkitError):
        read_spec(path)


def test_a_vocabulary_of_too_many_lines_is_refused(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"[UNK]\n" * ((1 << 22) + 1))
    with pytest.raises(FormatError, match="at most"):
        read_spec(path)
