"""Saving and loading is the identity on specs; a damaged file is a `FormatError`, nothing else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tokenizers")
from tests.bytelm import toy_models
from tests.text.format_samples import SAMPLES
from tokkit.errors import ArgumentError, FormatError, TokkitError, UnsupportedError
from tokkit.files.registry import MANIFEST
from tokkit.text.formats.sentencepiece.charsmap import CharsMap
from tokkit.text.formats.tokkit_file import FILE_NAME, MAGIC, read_tokkit, spec_to_bytes
from tokkit.text.normalizers import (
    Chain,
    PrependText,
    ProtectLiterals,
    ReplaceText,
    SpaceMark,
    SqueezeSpaces,
    WordsBySpace,
    library_normalizer,
    replace_pattern,
)
from tokkit.text.sentencepiece_normalizer import SentencePieceNormalizer
from tokkit.text.spec import AddedToken, Normalizer, SplitRule, TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer
from tokkit.tokenizer import Tokenizer

SPLITS = st.sampled_from(list(toy_models.PRETOKENIZERS.values()))
SPECS = st.one_of(
    SPLITS.flatmap(toy_models.bpe_specs),
    toy_models.character_bpe_specs(),
    toy_models.unigram_specs(),
    toy_models.wordpiece_specs(),
)
BERT = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": False, "lowercase": True}
NORMALIZERS: list[Normalizer] = [
    *(library_normalizer(kind) for kind in ("NFC", "NFKD", "Lowercase", "StripAccents", "Nmt")),
    library_normalizer("Strip", left=True, right=False),
    library_normalizer("BertNormalizer", **BERT),
    replace_pattern(" {2,}", "▁", "test"),
    ReplaceText("``", '"'),
    PrependText("> "),
    SpaceMark(),
    SqueezeSpaces(),
    WordsBySpace(),
    CharsMap({"ﬁ": "fi", "e\u0301": "é", "Ａ": "a"}),
    SentencePieceNormalizer({"ﬁ": "fi", "`": "  "}, ("sea ", "▁"), squeeze=True, suffix=True),
    SentencePieceNormalizer({"e\u0301": "é"}, ("e",), marked=False),
    Chain((CharsMap({"ﬁ": "fi"}), SqueezeSpaces(), SpaceMark())),
    Chain((ProtectLiterals(library_normalizer("NFKC"), ("Ａ", "ﬁ")), SpaceMark())),
]
SPEC = TokenizerSpec(
    name="bytes",
    family="bytes",
    token_bytes=(*(bytes([byte]) for byte in range(256)), b"", b"<x>"),
    kinds=np.array([0] * 256 + [3, 2], dtype=np.uint8),
    special_tokens={"<|end|>": 256},
    splits=(SplitRule(r"\s+", "merged_with_next", invert=True, dialect="rust", space="▁"),),
    bos_ids=(256,),
    added_tokens=(AddedToken("▁▁", 257), AddedToken("<|end|>", 256, lstrip=True, single_word=True)),
    prefix_unit="stretch",
    runtime_ids={257: 300},
    unmarked_ids=(256,),
    unk_id=256,
    fuse_unk=True,
)


def assert_equal_specs(found: TokenizerSpec, expected: TokenizerSpec) -> None:
    """Field by field, arrays with their dtypes; normalizers by what they write."""
    for field in dataclasses.fields(TokenizerSpec):
        ours, theirs = getattr(found, field.name), getattr(expected, field.name)
        if field.name == "merges" and theirs is not None:
            for column in ("left", "right", "result", "rank"):
                assert_equal_arrays(getattr(ours, column), getattr(theirs, column))
        elif isinstance(theirs, np.ndarray):
            assert_equal_arrays(ours, theirs)
        elif field.name != "normalizer":
            assert ours == theirs, field.name
    assert spec_to_bytes(found) == spec_to_bytes(expected)


def assert_equal_arrays(found: Any, expected: np.ndarray) -> None:
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


@settings(max_examples=100, deadline=None)
@given(SPECS)
def test_reading_inverts_writing_for_every_family(spec: TokenizerSpec) -> None:
    assert_equal_specs(read_tokkit(spec_to_bytes(spec), "test"), spec)


@pytest.mark.parametrize("normalizer", NORMALIZERS, ids=lambda normalizer: normalizer.name)
def test_normalizers_survive(normalizer: Normalizer) -> None:
    spec = dataclasses.replace(SPEC, normalizer=normalizer)
    found = read_tokkit(spec_to_bytes(spec), "test")
    assert_equal_specs(found, spec)
    assert found.normalizer is not None
    assert found.normalizer.name == normalizer.name
    for text in [*SAMPLES, "ﬁne Ａé e\u0301 `` É"]:
        assert found.normalizer(text) == normalizer(text)


@settings(max_examples=10, deadline=None)
@given(toy_models.bpe_specs(toy_models.PRETOKENIZERS["gpt2"]), st.data())
def test_a_saved_tokenizer_encodes_alike(spec: TokenizerSpec, data: st.DataObject) -> None:
    tokenizer = TextTokenizer(spec)
    found = TextTokenizer(read_tokkit(spec_to_bytes(spec), "test"))
    single = [token[0] for token in spec.token_bytes if len(token) == 1]
    text = bytes(data.draw(st.lists(st.sampled_from(single), max_size=20)))
    assert found.encode(text) == tokenizer.encode(text)


def test_load_tokenizer_knows_a_saved_folder(tmp_path: Path) -> None:
    tokenizer = TextTokenizer(SPEC)
    folder = tmp_path / "new" / "folder"
    tokenizer.save(folder)
    tokenizer.save(folder)  # replaces the first
    assert {path.name for path in folder.iterdir()} == {FILE_NAME, MANIFEST}
    for found in (
        TextTokenizer.load(folder),
        load_tokenizer(folder),
        load_tokenizer(folder / FILE_NAME),
        load_tokenizer(folder, format="tokkit"),
    ):
        assert_equal_specs(found.spec, SPEC)
        text = "ab <x> ▁▁ <|end|>"
        assert found.encode(text, specials=True) == tokenizer.encode(text, specials=True)


def test_a_failed_save_leaves_what_was_there(tmp_path: Path) -> None:
    class Reverse:
        name = "reverse"

        def __call__(self, text: str) -> str:
            return text[::-1]

    TextTokenizer(SPEC).save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    unknown = TextTokenizer(dataclasses.replace(SPEC, normalizer=Reverse()))
    with pytest.raises(UnsupportedError, match="reverse is a Reverse"):
        unknown.save(tmp_path)
    with pytest.raises(ArgumentError, match="cannot be saved"):
        TextTokenizer(dataclasses.replace(SPEC, name="\udc80")).save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_load_of_a_folder_without_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(FormatError, match=FILE_NAME):
        TextTokenizer.load(tmp_path)


def test_a_text_tokenizer_is_a_tokenizer_of_fixed_length() -> None:
    tokenizer: Tokenizer[str | bytes] = TextTokenizer(SPEC)
    assert tokenizer.modality == "text"
    assert tokenizer.encode(b"abc") == [97, 98, 99]
    with pytest.raises(ArgumentError, match="no flexible length"):
        tokenizer.encode(b"abc", budget=100)


def test_a_file_from_before_the_unknown_token_is_read() -> None:
    old = dataclasses.replace(SPEC, unk_id=None, fuse_unk=False)
    later = ("unk_id", "fuse_unk")
    data = rewritten(lambda header: [header["spec"].pop(key) for key in later], old)
    assert_equal_specs(read_tokkit(data, "test"), old)


# -- hostile files ---------------------------------------------------------------------------


def rewritten(change: Callable[[dict[str, Any]], object], spec: TokenizerSpec = SPEC) -> bytes:
    """The file of `spec` with another header."""
    data = spec_to_bytes(spec)
    stop = 16 + int.from_bytes(data[8:16], "little")
    header = json.loads(data[16:stop])
    change(header)
    text = json.dumps(header).encode()
    return MAGIC + len(text).to_bytes(8, "little") + text + data[stop:]


def setting(name: str, value: object) -> bytes:
    return rewritten(lambda header: header["spec"].update({name: value}))


def normal(**node: object) -> bytes:
    return setting("normalizer", node)


def library(**node: object) -> bytes:
    return normal(kind="library", node=node)


def splitting(**changes: object) -> bytes:
    rule = {"pattern": "a", "behavior": "isolated", "invert": False, "dialect": "rust"}
    return setting("splits", [rule | changes])


def counting(name: str, count: object) -> bytes:
    return rewritten(lambda header: header["arrays"].update({name: count}))


def nested(depth: int) -> dict[str, object]:
    node: dict[str, object] = {"kind": "space_mark", "mark": "_"}
    for _ in range(depth):
        node = {"kind": "chain", "steps": [node]}
    return node


def with_arrays(**changes: Any) -> bytes:
    return spec_to_bytes(dataclasses.replace(SPEC, **changes))


KINDS = SPEC.kinds.copy()
KINDS[0] = 9
SILENT = SPEC.kinds.copy()
SILENT[0] = 3
HOSTILE = {
    "another version": b"TOKKITv9" + spec_to_bytes(SPEC)[8:],
    "header beyond the end": MAGIC + (1 << 60).to_bytes(8, "little") + b"{}",
    "bytes after the arrays": spec_to_bytes(SPEC) + b"x",
    "no spec": rewritten(lambda header: header.pop("spec")),
    "no arrays": rewritten(lambda header: header.pop("arrays")),
    "a field missing": rewritten(lambda header: header["spec"].pop("splits")),
    "an unknown field": setting("extra", 1),
    "a null flag": setting("char_units", None),
    "an unknown family": setting("family", "sentences"),
    "a family without its arrays": setting("family", "bpe"),
    "an id out of range": setting("special_tokens", {"<|end|>": 258}),
    "a negative id": setting("eos_ids", [-1]),
    "a fractional id": setting("bos_ids", [1.5]),
    "a boolean id": setting("bos_ids", [True]),
    "an empty special token": setting("special_tokens", {"": 256}),
    "an id of 400 digits": setting("runtime_ids", [[1, 10**400]]),
    "an unknown token with bytes": setting("unk_id", 65),
    "an unknown token out of range": setting("unk_id", 258),
    "a triple of runtime ids": setting("runtime_ids", [[1, 2, 3]]),
    "a name that is no text": setting("name", 5),
    "an endless score": setting("unk_score", 10**400),
    "an endless word": setting("max_word_chars", 10**9),
    "an unknown prefix": setting("prefix_space", "sometimes"),
    "rules that are no list": setting("splits", {"pattern": "a"}),
    "too many rules": setting("splits", [{"pattern": "a"}] * 65),
    "an unknown behavior": splitting(behavior="glued"),
    "an unknown dialect": splitting(dialect="perl"),
    "an empty pattern": splitting(pattern=""),
    "an endless pattern": splitting(pattern="a" * 70_000),
    "a rule without invert": splitting(invert=None),
    "an unknown array": counting("weights", 0),
    "a negative count": counting("kinds", -1),
    "an endless count": counting("token_lengths", 1 << 62),
    "a count too small": counting("token_bytes", 3),
    "a missing array": rewritten(lambda header: header["arrays"].pop("kinds")),
    "no ids": with_arrays(token_bytes=(), kinds=np.empty(0, dtype=np.uint8)),
    "a token too long": with_arrays(token_bytes=(b"a" * 5_000, *SPEC.token_bytes[1:])),
    "too few kinds": with_arrays(kinds=SPEC.kinds[:-1]),
    "an unknown kind": with_arrays(kinds=KINDS),
    "a control token with bytes": with_arrays(kinds=SILENT),
    "a literal without bytes": with_arrays(token_bytes=(*SPEC.token_bytes[:-1], b"")),
    "too few scores": with_arrays(scores=np.zeros(3)),
    "a score that is no number": with_arrays(scores=np.full(258, np.nan)),
    "a normalizer that is no object": setting("normalizer", 0),
    "an empty normalizer": setting("normalizer", {}),
    "an unknown normalizer": normal(kind="eval", text="1"),
    "nesting": setting("normalizer", nested(80)),
    "replacing nothing": normal(kind="replace", old="", new="a"),
    "growth": normal(kind="replace", old="a", new="a" * 100),
    "growth in steps": normal(
        kind="chain", steps=[{"kind": "replace", "old": "a", "new": "a" * 30}] * 5
    ),
    "growth by a charsmap": normal(kind="charsmap", mapping={"a": "b" * 100}),
    "an empty key": normal(kind="charsmap", mapping={"": "b"}),
    "an endless prefix": normal(kind="prepend", prefix="a" * 100),
    "a long mark": normal(kind="space_mark", mark="ab"),
    "an empty literal": normal(kind="protect", inner={"kind": "squeeze_spaces"}, literals=[""]),
    "a sequence as one step": library(type="Sequence", normalizers=[]),
    "a damaged charsmap": library(type="Precompiled", precompiled_charsmap="AAAA"),
    "a pattern that backtracks": library(type="Replace", pattern={"Regex": "(a+)+$"}, content="b"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str) -> None:
    with pytest.raises((FormatError, UnsupportedError)):
        read_tokkit(HOSTILE[name], "test")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(spec_to_bytes(SPEC)) - 1))
def test_truncated_files_are_refused(length: int) -> None:
    with pytest.raises(FormatError):
        read_tokkit(spec_to_bytes(SPEC)[:length], "test")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=3))
def test_flipped_bytes_give_a_spec_or_a_typed_error(changes: list[tuple[int, int]]) -> None:
    data = bytearray(spec_to_bytes(SPEC))
    for at, byte in changes:
        data[at % len(data)] = byte
    try:
        found = read_tokkit(bytes(data), "test")
    except TokkitError:
        return
    assert spec_to_bytes(found)
