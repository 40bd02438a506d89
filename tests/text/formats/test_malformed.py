"""Damaged and hostile files give a typed error: no panic, no abort, no memory, no silent loss.

The cases are those that make `tokenizers` 0.23 panic, abort or drop text, and what a truncated
download, a wrong file, or a crafted header look like.
"""

import base64
import gzip
import json
import pickle
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tokenizers")
from tokkit.errors import (
    ArgumentError,
    EncodingError,
    FormatError,
    TokkitError,
    UnsupportedError,
)
from tokkit.files import protobuf
from tokkit.files.gguf_headers import read_metadata
from tokkit.files.json_text import parse_json
from tokkit.text.formats.byte_alphabet import CHAR_OF_BYTE
from tokkit.text.formats.sentencepiece.charsmap import read_charsmap
from tokkit.text.loading import read_spec
from tokkit.text.normalizers import library_normalizer, replace_pattern

ALPHABET = {char: byte for byte, char in enumerate(CHAR_OF_BYTE)}
VOCAB = ALPHABET | {"ab": 256}


def document(**changes):
    base = {
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
        "post_processor": None,
        "model": {"type": "BPE", "vocab": VOCAB, "merges": ["a b"]},
    }
    return base | changes


def model(**changes):
    return {"model": {"type": "BPE", "vocab": VOCAB, "merges": ["a b"]} | changes}


def added(token_id, content, *, special=False):
    return {"id": token_id, "content": content, "special": special}


def replace(old, new):
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def charsmap(blob):
    text = base64.b64encode(blob).decode()
    return {"normalizer": {"type": "Precompiled", "precompiled_charsmap": text}}


def template(defined):
    return {
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A"}}],
            "pair": [],
            "special_tokens": defined,
        }
    }


UNIGRAM = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.0]]}
JSON_CASES = {
    "merge longer than any key": model(merges=["a b", "ab ab"]),
    "merge of unknown sides": model(merges=["a zz"]),
    "merge of one token": model(merges=["ab"]),
    "merge of three": model(merges=[["a", "b", "c"]]),
    "merge with an empty side": model(merges=["a "]),
    "merges are no list": model(merges={"a": "b"}),
    "garbage charsmap": charsmap(b"\xff" * 64),
    "empty charsmap": charsmap(b""),
    "charsmap with a huge trie": charsmap(struct.pack("<I", 2**31) + b"\0" * 64),
    "charsmap out of bounds": charsmap(struct.pack("<I", 1024) + b"\xfc" * 1024 + b"a\0"),
    "charsmap is no base64": {
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": "&&&&"}
    },
    "five replaces that grow": {
        "normalizer": {"type": "Sequence", "normalizers": [replace("a", "a" * 50)] * 5}
    },
    "one replace that grows": {"normalizer": replace("a", "b" * 100_000)},
    "replace of nothing": {"normalizer": replace("", "a")},
    "replace by a broken pattern": {
        "normalizer": {"type": "Replace", "pattern": {"Regex": "(["}, "content": "a"}
    },
    "replace that backtracks": {
        "normalizer": {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": "b"}
    },
    "normalizer without a type": {"normalizer": {}},
    "normalizers in a text": {"normalizer": {"type": "Sequence", "normalizers": "NFC"}},
    "fixed length of zero": {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
    "pattern of 70,000 characters": {
        "pre_tokenizer": {
            "type": "Split", "pattern": {"Regex": "a" * 70_000}, "behavior": "Isolated"
        }
    },
    "unknown behavior": {
        "pre_tokenizer": {"type": "Split", "pattern": {"String": "a"}, "behavior": "Sideways"}
    },
    "byte level after byte level": {
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": False}] * 2,
        }
    },
    "stride over the maximum": {
        "truncation": {"max_length": 4, "stride": 8, "direction": "Right",
                       "strategy": "LongestFirst"}
    },
    "template special that is missing": template({}),
    "template special without such an id": template({"<s>": {"id": "<s>", "ids": [999]}}),
    "byte fallback without byte tokens": {
        "pre_tokenizer": None,
        "model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "byte_fallback": True},
    },
    "byte level without bytes": model(vocab={"日本": 0}, merges=[]),
    "unknown token that is missing": model(unk_token="<unk>"),
    "empty vocabulary": model(vocab={}, merges=[]),
    "ids twice": model(vocab=ALPHABET | {"ab": 7}),
    "id 4294967290": model(vocab=ALPHABET | {"ab": 4_294_967_290}),
    "negative id": model(vocab=ALPHABET | {"ab": -1}),
    "id that is a float": model(vocab=ALPHABET | {"ab": 256.0}),
    "id that is true": model(vocab=ALPHABET | {"ab": True}),
    "huge id": model(vocab=ALPHABET | {"ab": 10**30}),
    "added token at a taken id": {"added_tokens": [added(5, "<x>")]},
    "added tokens at one id": {"added_tokens": [added(300, "<x>"), added(300, "<y>")]},
    "added token twice": {"added_tokens": [added(300, "<x>"), added(301, "<x>")]},
    "added token with two ids": {"added_tokens": [added(300, "ab")]},
    "added token at 4294967290": {"added_tokens": [added(4_294_967_290, "<x>")]},
    "empty added token": {"added_tokens": [added(300, "")]},
    "added token of a megabyte": {"added_tokens": [added(300, "x" * 2**20)]},
    "special token e": {"added_tokens": [added(ALPHABET["e"], "e", special=True)]},
    "special token that merges build": {"added_tokens": [added(256, "ab", special=True)]},
    "added tokens are no list": {"added_tokens": {"a": 1}},
    "model is missing": {"model": None},
    "model of no kind": {"model": {"type": "Oracle"}},
    "unigram without pieces": {"pre_tokenizer": None, "model": UNIGRAM | {"vocab": []}},
    "unigram unknown out of bounds": {"pre_tokenizer": None, "model": UNIGRAM | {"unk_id": 9}},
    "unigram piece twice": {
        "pre_tokenizer": None, "model": UNIGRAM | {"vocab": [["a", 0.0], ["a", 0.0]]}
    },
    "unigram piece without a score": {
        "pre_tokenizer": None, "model": UNIGRAM | {"vocab": [["a"]]}
    },
    "unigram score beyond floats": {
        "pre_tokenizer": None, "model": UNIGRAM | {"vocab": [["a", 10**400]]}
    },
    "wordpiece without its unknown token": {
        "pre_tokenizer": None, "model": {"type": "WordPiece", "vocab": {"a": 0}}
    },
}  # fmt: skip


@pytest.mark.parametrize("case", JSON_CASES)
def test_a_damaged_tokenizer_json_is_refused_with_a_typed_error(tmp_path, case):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(document(**JSON_CASES[case])))
    with pytest.raises(TokkitError) as caught:
        read_spec(path)
    assert isinstance(caught.value, FormatError | UnsupportedError)
    assert len(str(caught.value)) < 2000


def test_the_undamaged_document_is_read(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(document()))
    assert read_spec(path).vocab_size == 257


RAW_CASES = {
    "empty": b"",
    "blank": b"   \n",
    "a line end": b"\n",
    "truncated JSON": json.dumps(document()).encode()[:-100],
    "nested 3,000 deep": b"[" * 3000 + b"]" * 3000,
    "nested 100,000 deep": b'{"a":' * 100_000,
    "nested 100 deep in a normalizer": (
        b'{"model": {}, "normalizer": '
        + b'{"type": "Sequence", "normalizers": [' * 100 + b"]}" * 100 + b"}"
    ),
    "key twice": b'{"model": {"type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []}}',
    "not a number": b'{"model": {"type": "Unigram", "vocab": [["a", NaN]]}}',
    "infinite": b'{"model": {"type": "Unigram", "vocab": [["a", -Infinity]]}}',
    "number of 10,000 digits": b'{"model": ' + b"9" * 10_000 + b"}",
    "half a character": b'{"model": {"type": "BPE", "vocab": {"\\ud800": 0}, "merges": []}}',
    "not UTF-8": b'{"model": "\xff"}',
    "UTF-16": json.dumps(document()).encode("utf-16"),
    "byte order mark": json.dumps(document()).encode("utf-8-sig"),
    "other JSON": b'{"name": "package", "version": 1}',
    "a JSON list": b"[1, 2, 3]",
    "HTML": b"<!DOCTYPE html><html><body>404</body></html>",
    "git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
    "pickle": pickle.dumps({"a": 1}),
    "gzip": gzip.compress(b"{}"),
    "noise": bytes(range(128, 256)) * 10,
    "ranks that are no base64": b"!!!! 0\n",
    "ranks cut short": b"YQ== 0\nYg==",
    "one rank twice": b"YQ== 0\nYg== 0\n",
    "one token twice": b"YQ== 0\nYQ== 1\n",
    "rank out of bounds": b"YQ== 4294967290\n",
    "rank of 10,000 digits": b"YQ== " + b"9" * 10_000 + b"\n",
    "merges that are no merges": b"#version: 0.2\na b c d\n",
    "merges of no tokens": b"#version: 0.2\nzz qq\n",
    "merges without any": b"#version: 0.2\n",
    "tekken with too few tokens": json.dumps({
        "config": {"pattern": "a", "default_vocab_size": 9, "default_num_special_tokens": 2},
        "vocab": [{"rank": 0, "token_bytes": "YQ=="}],
    }).encode(),
    "tekken without a config": b'{"config": {}, "vocab": []}',
}  # fmt: skip


@pytest.mark.parametrize("case", RAW_CASES)
def test_a_file_that_is_no_tokenizer_is_refused_with_a_typed_error(tmp_path, case):
    path = tmp_path / "file"
    path.write_bytes(RAW_CASES[case])
    with pytest.raises(FormatError) as caught:
        read_spec(path)
    assert "file" in str(caught.value)
    assert ("the file is empty" in str(caught.value)) == (not RAW_CASES[case].strip())


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer.model", "m.gguf", "vocab.txt"])
@pytest.mark.parametrize("format", [None, "gguf", "hf"])
def test_a_git_lfs_pointer_is_told_as_what_it_is(tmp_path, name, format):
    path = tmp_path / name
    path.write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22e\n"
        "size 9085657\n"
    )
    with pytest.raises(FormatError, match="Git LFS pointer.*9,085,657 bytes.*git lfs pull"):
        read_spec(path, format=format)


def test_a_git_lfs_pointer_beside_the_tokenizer_is_told_too(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps(document()))
    config = tmp_path / "tokenizer_config.json"
    config.write_text("version https://git-lfs.github.com/spec/v1\nsize 1\n")
    with pytest.raises(FormatError, match="tokenizer_config.json: a Git LFS pointer"):
        read_spec(tmp_path)


@pytest.mark.parametrize("kind", ["hf", "sentencepiece", "tiktoken:gpt2", "gguf", "tekken"])
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_noise_under_any_named_format_gives_a_typed_error(tmp_path_factory, kind, data):
    path = tmp_path_factory.mktemp("noise") / "file"
    path.write_bytes(data)
    with pytest.raises(TokkitError):
        read_spec(path, format=kind)


def test_a_zip_is_never_opened(tmp_path):
    path = tmp_path / "model.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"x")
    with pytest.raises(FormatError, match="zip"):
        read_spec(path)


def test_missing_paths_and_unknown_formats_say_what_to_do(tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        read_spec(tmp_path / "absent.json")
    with pytest.raises(FormatError, match="no tokenizer in this folder"):
        read_spec(tmp_path)
    with pytest.raises(ArgumentError, match="expected one of"):
        read_spec(tmp_path, format="docx")
    with pytest.raises(ArgumentError):
        read_spec("")
    with pytest.raises(FormatError):
        read_spec("a\0b")
    with pytest.raises(FormatError):
        read_spec("x" * 5000)


def test_a_hub_id_is_not_fetched_unless_asked(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def snapshot_download(source, *, allow_patterns, local_files_only):
        asked.append((source, local_files_only))
        raise FileNotFoundError(source)

    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    with pytest.raises(FormatError, match="allow_download"):
        read_spec("nobody/nothing")
    assert asked == [("nobody/nothing", True)]


def test_two_candidates_in_a_folder_are_not_guessed_between(tmp_path):
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(FormatError, match="give the path of one"):
        read_spec(tmp_path)


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def piece(text, score=0.0, kind=1):
    return field(1, field(1, text) + b"\x15" + struct.pack("<f", score) + b"\x18" + varint(kind))


BPE_TRAINER = field(2, b"\x18\x02")
SENTENCEPIECE_CASES = {
    "a length past the end": b"\x0a\xff\xff\xff\xff\x0f",
    "an endless number": b"\x0a" + b"\xff" * 20,
    "a group": b"\x0b\x0c",
    "no pieces": BPE_TRAINER,
    "a piece twice": piece(b"a") + piece(b"a") + BPE_TRAINER,
    "a piece that is no UTF-8": piece(b"\xff") + BPE_TRAINER,
    "a score that is no number": piece(b"a", float("nan")) + BPE_TRAINER,
    "an infinite score": piece(b"a", float("inf")) + BPE_TRAINER,
    "a piece of no known type": piece(b"a", 0.0, 9) + BPE_TRAINER,
    "a byte piece that names none": piece(b"<0xZZ>", 0.0, 6) + BPE_TRAINER,
    "byte fallback without bytes": piece(b"a") + field(2, b"\x18\x02\x98\x02\x01"),
    "a garbage charsmap": piece(b"a") + BPE_TRAINER + field(3, field(2, b"\xff" * 64)),
    "a model of no known type": piece(b"a") + field(2, b"\x18\x05"),
    "an overlong piece": piece(b"a" * 10_000) + BPE_TRAINER,
}


@pytest.mark.parametrize("case", SENTENCEPIECE_CASES)
def test_a_damaged_sentencepiece_model_is_refused_with_a_typed_error(tmp_path, case):
    path = tmp_path / "small.model"
    path.write_bytes(SENTENCEPIECE_CASES[case])
    with pytest.raises((FormatError, UnsupportedError)):
        read_spec(path, format="sentencepiece")


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=80))
def test_the_protobuf_reader_ends_or_refuses(data):
    try:
        total = sum(len(v) for _, _, v in protobuf.fields(data, "test") if isinstance(v, bytes))
    except FormatError:
        return
    assert total <= len(data)


def text(data):
    return struct.pack("<Q", len(data)) + data


def gguf(*pairs, count=None, version=3):
    body = b"".join(text(key) + value for key, value in pairs)
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs) if count is None else count) + body


MODEL = (b"tokenizer.ggml.model", struct.pack("<I", 8) + text(b"llama"))
TOKENS = (b"tokenizer.ggml.tokens", struct.pack("<IIQ", 9, 8, 2) + text(b"a") + text(b"b"))
HUGE = 2**62
GGUF_CASES = {
    "only the magic": b"GGUF",
    "version 1": gguf(MODEL, version=1),
    "big-endian": gguf(MODEL, version=0x03000000),
    "more keys than bytes": gguf(MODEL, count=HUGE),
    "one key too many": gguf(MODEL, TOKENS, count=3),
    "a string past the end": gguf((b"k", struct.pack("<IQ", 8, HUGE))),
    "an array past the end": gguf((b"k", struct.pack("<IIQ", 9, 6, HUGE))),
    "strings past the end": gguf(
        (b"tokenizer.ggml.tokens", struct.pack("<IIQ", 9, 8, HUGE) + b"\0" * 64)
    ),
    "a string in an array past the end": gguf(
        (b"tokenizer.ggml.tokens", struct.pack("<IIQQ", 9, 8, 1, HUGE))
    ),
    "arrays in arrays": gguf((b"k", struct.pack("<IIQ", 9, 9, 1) + b"\0" * 64)),
    "a value of no known type": gguf((b"k", struct.pack("<I", 99) + b"\0" * 8)),
    "no tokenizer": gguf((b"general.name", struct.pack("<I", 8) + text(b"x"))),
    "a model of no known kind": gguf(
        (b"tokenizer.ggml.model", struct.pack("<I", 8) + text(b"rwkv"))
    ),
    "no tokens": gguf(MODEL),
    "a key twice": gguf(MODEL, MODEL),
    "tokens that are no UTF-8": gguf(
        MODEL, (b"tokenizer.ggml.tokens", struct.pack("<IIQ", 9, 8, 1) + text(b"\xff"))
    ),
    "types for other tokens": gguf(
        MODEL, TOKENS, (b"tokenizer.ggml.token_type", struct.pack("<IIQi", 9, 5, 1, 1))
    ),
    "scores that are no numbers": gguf(
        MODEL, TOKENS,
        (b"tokenizer.ggml.scores", struct.pack("<IIQff", 9, 6, 2, float("nan"), 0.0)),
    ),
    "eos out of bounds": gguf(
        MODEL, TOKENS, (b"tokenizer.ggml.eos_token_id", struct.pack("<II", 4, 77))
    ),
    "a flag that is a number": gguf(
        MODEL, TOKENS, (b"tokenizer.ggml.add_bos_token", struct.pack("<II", 4, 1))
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GGUF_CASES)
def test_a_damaged_gguf_header_is_refused_with_a_typed_error(tmp_path, case):
    path = tmp_path / "small.gguf"
    path.write_bytes(GGUF_CASES[case])
    with pytest.raises((FormatError, UnsupportedError)):
        read_spec(path)


def test_every_truncation_of_a_gguf_header_is_refused(tmp_path):
    whole = gguf(MODEL, TOKENS, (b"other", struct.pack("<IIQhhh", 9, 3, 3, 1, 2, 3)))
    path = tmp_path / "small.gguf"
    path.write_bytes(whole)
    assert len(read_metadata(path, lambda key: True)) == 3
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError):
            read_metadata(path, lambda key: True)


@settings(max_examples=100, deadline=None)
@given(data=st.binary(min_size=1024, max_size=1024), texts=st.binary(max_size=40))
def test_a_charsmap_is_checked_before_it_is_walked(data, texts):
    with pytest.raises(FormatError):
        # Text without an end, so that even an empty trie with a value has nothing to point at.
        read_charsmap(struct.pack("<I", 2048) + data + texts.replace(b"\0", b""), "test")


def test_a_charsmap_that_runs_in_a_circle_is_refused():
    # The unit of each label holds an offset that leads back to the root's own children.
    trie = struct.pack("<256I", *(label | label << 10 for label in range(256)))
    with pytest.raises(FormatError, match="circle"):
        read_charsmap(struct.pack("<I", 1024) + trie + b"a\0", "test")


@pytest.mark.parametrize("pattern", ["(a+)+$", "(?:a|b)*c", "a*b*c*d*e", "(a{2,}){3}", "x" * 300])
def test_replace_patterns_that_could_run_for_ever_are_refused(pattern):
    with pytest.raises((FormatError, UnsupportedError)):
        replace_pattern(pattern, "", "test")


@pytest.mark.parametrize("pattern", [" {2,}", r"\s+", r"[\t\n]+", r"\(+", "[(+*]+", r"^\s+|\s+$"])
def test_replace_patterns_of_real_files_are_accepted(pattern):
    assert replace_pattern(pattern, " ", "test")("plain") == "plain"


def test_a_library_that_panics_gives_a_typed_error():
    class PanicException(BaseException):
        pass

    class Panicking:
        def normalize_str(self, sequence):
            raise PanicException

    normalizer = library_normalizer("NFC")
    object.__setattr__(normalizer, "step", Panicking())
    assert normalizer("ascii is not touched") == "ascii is not touched"
    with pytest.raises(EncodingError, match="panics"):
        normalizer("e\u0301")  # what is plainly normal is not asked about


def test_json_nesting_is_counted_in_lists_and_objects():
    assert parse_json(b'{"a":' * 60 + b"1" + b"}" * 60, "test")
    with pytest.raises(FormatError, match="levels"):
        parse_json(b"[" * 70 + b"]" * 70, "test")
