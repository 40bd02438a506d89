"""Texts are read from files of records, compressed or not, and what is damaged is told at once."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tokkit
from tests.bytelm.toy_models import ab_lm
from tokkit.errors import FormatError
from tokkit.scoring.inputs import open_corpus

TEXTS = ["abab", "", "baé\nb"]


def jsonl(field: str = "text") -> bytes:
    return b"".join(json.dumps({field: text, "id": 3}).encode() + b"\n" for text in TEXTS)


def read(path: Path, **options: Any) -> list[tuple[str, bytes]]:
    corpus = open_corpus(path, **options)
    found = [(each.name, b"".join(each.parts)) for each in corpus.documents()]
    assert corpus.n_bytes == sum(len(text) for _, text in found)
    return found


PACKED: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("", bytes),
    (".gz", gzip.compress),
    (".bz2", bz2.compress),
    (".xz", lzma.compress),
]


@pytest.mark.parametrize(("suffix", "pack"), PACKED)
def test_records_are_texts_of_their_own(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"texts.jsonl{suffix}"
    path.write_bytes(pack(jsonl()))
    assert read(path) == [(f"{path}:{k}", text.encode()) for k, text in enumerate(TEXTS, 1)]
    path.write_bytes(pack(jsonl("body")))
    assert [text for _, text in read(path, text_field="body")] == [t.encode() for t in TEXTS]


@pytest.mark.parametrize(("suffix", "pack"), PACKED)
def test_any_other_file_is_one_text(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    path, text = tmp_path / f"story.txt{suffix}", b"ab" * 100_000
    path.write_bytes(pack(text))
    assert read(path) == [(str(path), text)]


def test_parquet_has_a_text_a_row(tmp_path: Path) -> None:
    arrow: Any = pytest.importorskip("pyarrow", reason="needs the parquet extra")
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "texts.parquet"
    parquet.write_table(arrow.table({"text": TEXTS}), path)
    assert read(path) == [(f"{path}:{k}", text.encode()) for k, text in enumerate(TEXTS, 1)]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", jsonl() + b"{broken\n", "line 4: not JSON"),
        ("a.jsonl", b'{"body": "x"}\n', "expected the text in the field 'text'"),
        ("a.txt.gz", gzip.compress(b"ab" * 999, mtime=0)[:-9], "damaged or cut off"),
        ("a.txt.gz", b"no gzip at all", "its content is something else"),
        ("a.xz", lzma.compress(bytes(80 << 20)), "decompression bomb"),
    ],
)
def test_damage_is_told_before_a_model_is_loaded(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=told):
        tokkit.score("smollm2", tmp_path / name)


def test_scores_of_records_are_those_of_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b"".join(json.dumps({"text": t}).encode() + b"\n" for t in ("ab", "bab")))
    lm = ab_lm("a", "abab")
    report = tokkit.score(lm, path)
    assert [d.n_bytes for d in report.documents] == [2, 3]
    assert report.bits_per_byte == tokkit.score(lm, ["ab", "bab"]).bits_per_byte
