"""Every kind of source leads to the same text, and a bad one to a clear error."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.errors import ArgumentError, FormatError, MissingExtraError
from tokkit.mixture.samples import shard_text
from tokkit.mixture.samples.shard_text import ReadOptions, blocks_of, read_texts
from tokkit.mixture.samples.sources import Shard, Source, find_categories, find_shards

TEXT = "Ein Satz.\nNoch einer, länger\n\n  eingerückt\n" * 50
FEW = settings(max_examples=60, deadline=None, derandomize=True)


def texts_of(source: Source, options: ReadOptions | None = None) -> list[bytes]:
    sample = find_shards("de", source)
    if sample.texts is not None:
        return list(sample.texts)
    options = options or ReadOptions()
    return [text for shard in sample.shards for text in read_texts(shard, options)]


def zstd(data: bytes) -> bytes:
    return pytest.importorskip("zstandard").ZstdCompressor().compress(data)


# -- finding ---------------------------------------------------------------------------------


def test_texts_in_memory_are_taken_as_they_are() -> None:
    assert texts_of(b"abc") == [b"abc"]
    assert texts_of("a\nb") == [b"a\nb"]
    assert texts_of("x" * 2000) == [b"x" * 2000]
    assert texts_of(["one\ntext", "two"]) == [b"one\ntext", b"two"]
    assert texts_of(word for word in ("one", "two")) == [b"one", b"two"]
    assert texts_of([b"one", b"two"]) == [b"one", b"two"]


def test_paths_globs_and_folders_lead_to_the_same_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.txt", "deep/a.txt", ".hidden"):
        (tmp_path / name).write_text(name)
    expected = [b"b.txt", b"deep/a.txt"]
    assert texts_of(tmp_path) == texts_of(str(tmp_path)) == expected
    assert texts_of(f"{tmp_path}/**/*.txt") == expected
    assert texts_of([tmp_path / "deep/a.txt", tmp_path / "b.txt"]) == expected
    assert texts_of([str(tmp_path / "b.txt"), str(tmp_path / "deep")]) == expected
    assert texts_of([tmp_path, tmp_path / "b.txt"]) == expected, "each file once"


def test_a_url_is_read_through_fsspec() -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.pipe({"/tokkit-en/a.txt": b"one", "/tokkit-en/b.txt.gz": gzip.compress(b"two")})
    try:
        assert texts_of("memory://tokkit-en") == [b"one", b"two"]
        assert texts_of("memory://tokkit-en/*.txt") == [b"one"]
        assert texts_of(["memory://tokkit-en/b.txt.gz"]) == [b"two"]
        with pytest.raises(FormatError, match="leads to no file"):
            texts_of("memory://tokkit-en/missing.txt")
    finally:
        memory.rm("/tokkit-en", recursive=True)


def test_a_file_system_without_its_package_is_a_missing_extra() -> None:
    fsspec = pytest.importorskip("fsspec")
    try:
        fsspec.get_filesystem_class("gs")
    except ImportError:
        with pytest.raises(MissingExtraError, match="gs://"):
            texts_of("gs://bucket/en.txt")
    else:
        pytest.skip("gcsfs is installed")


@pytest.mark.parametrize(
    ("package", "name", "content"),
    [
        ("fsspec", "memory://tokkit/a.txt", b""),
        ("zstandard", "t.zst", b"\x28\xb5\x2f\xfd"),
        ("pyarrow", "t.parquet", b"PAR1"),
    ],
)
def test_what_needs_a_missing_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str, content: bytes
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    if content:
        (tmp_path / name).write_bytes(content)
        name = str(tmp_path / name)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\["):
        texts_of(name)


@pytest.mark.parametrize("source", ["no/such/file.txt", Path("no/such"), "none/*.txt"])
def test_a_missing_file_is_an_error_and_no_text(source: Source) -> None:
    with pytest.raises(FormatError, match="category 'de': .* leads to no file"):
        texts_of(source)


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    wrong: list[Any] = [7, [], ["a text\n", 7], [tmp_path, b"text"]]
    for source in wrong:
        with pytest.raises(ArgumentError, match="category 'de'"):
            texts_of(source)


# -- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t.gz", "t.bz2", "t.xz", "t.zst", "t.txt", "no_suffix"])
def test_compression_is_told_by_the_content(tmp_path: Path, name: str) -> None:
    pack: dict[str, Callable[[bytes], bytes]] = {
        "t.gz": gzip.compress,
        "t.bz2": bz2.compress,
        "t.xz": lzma.compress,
        "t.zst": zstd,
        "no_suffix": gzip.compress,
    }
    raw = TEXT.encode()
    path = tmp_path / name
    path.write_bytes(pack.get(name, bytes)(raw))
    assert b"".join(texts_of(path)) == raw
    parts = texts_of(path, ReadOptions(block_bytes=100))
    assert b"".join(parts) == raw
    assert max(map(len, parts)) <= 100


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_a_damaged_archive_is_an_error(tmp_path: Path, suffix: str) -> None:
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}
    whole = pack[suffix](bytes(range(256)) * 500)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    for content in (whole[: len(whole) * 2 // 3], bytes(damaged) + b"rest", b"no archive"):
        path = tmp_path / f"text{suffix}"
        path.write_bytes(content)
        with pytest.raises(FormatError, match="damaged"):
            texts_of(path)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd])
def test_a_decompression_bomb_is_refused(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_text, "FREE_BYTES", 100_000)
    path = tmp_path / "bomb"
    path.write_bytes(pack(b"a" * 3_000_000))
    assert path.stat().st_size < 10_000
    with pytest.raises(FormatError, match="decompression bomb"):
        texts_of(path, ReadOptions(max_expansion=2))
    assert len(b"".join(texts_of(path, ReadOptions(max_expansion=1e6)))) == 3_000_000


def test_records_are_texts_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl.gz"
    rows = [{"text": "one\nline", "id": 1}, {"text": "zwölf"}]
    path.write_bytes(gzip.compress("\n\n".join(map(json.dumps, rows)).encode()))
    assert texts_of(path) == [b"one\nline", "zwölf".encode()]
    path.write_bytes(gzip.compress(b'{"body": "three"}\n'))
    assert texts_of(path, ReadOptions(text_field="body")) == [b"three"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"body": "x"}', r"line 2: expected .*'text', found the fields \['body'\]"),
        (b'{"text": 7}', "line 2: expected"),
        (b"[1]", "line 2: expected"),
        (b"{", "line 2: not JSON"),
        (b"\xff", "line 2: not JSON"),
        (b"[" * 100_000, "line 2: not JSON"),
    ],
)
def test_a_record_without_text_is_an_error(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "t.ndjson"
    path.write_bytes(b'{"text": "fine"}\n' + line)
    with pytest.raises(FormatError, match=message):
        texts_of(path)


def test_parquet_columns_are_read(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the parquet extra")
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"text": ["one", None, "zwölf"], "n": [1, 2, 3]}), path)
    assert texts_of(path) == [b"one", "zwölf".encode()]
    with pytest.raises(FormatError, match=r"no column 'body' among \['text', 'n'\]"):
        texts_of(path, ReadOptions(text_field="body"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FormatError, match="Parquet file is damaged"):
        texts_of(path)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xef\xbb\xbfone")
    assert texts_of(path) == [b"one"]


def test_an_empty_file_has_no_text(tmp_path: Path) -> None:
    for name in ("t.txt", "t.gz", "t.jsonl"):
        (tmp_path / name).write_bytes(b"")
        assert texts_of(tmp_path / name) == []


@FEW
@given(
    parts=st.lists(st.text("ab \né日", max_size=80).map(str.encode), max_size=8),
    size=st.integers(64, 120),
)
def test_blocks_are_the_text_cut_between_characters(parts: list[bytes], size: int) -> None:
    blocks = list(blocks_of(parts, size))
    assert b"".join(blocks) == b"".join(parts)
    assert all(0 < len(block) <= size for block in blocks)
    for block in blocks:
        block.decode()


def test_a_block_ends_after_a_line_by_preference() -> None:
    line = b"a" * 30
    assert next(blocks_of([line + b"\nb c\n\n " + b"d" * 60], 64)) == line + b"\n"
    assert next(blocks_of([line + b" " + b"d" * 60], 64)) == line


def test_options_out_of_range_are_refused() -> None:
    options: list[dict[str, Any]] = [
        {"block_bytes": 0},
        {"max_expansion": 0.5},
        {"max_expansion": float("nan")},
    ]
    for wrong in options:
        with pytest.raises(ArgumentError, match="must be at least"):
            ReadOptions(**wrong)


def test_a_file_that_has_gone_is_an_error() -> None:
    with pytest.raises(FormatError, match="cannot read"):
        list(read_texts(Shard("/no/such/file", 1, ""), ReadOptions()))


def test_names_of_categories_lose_the_endings_of_formats(tmp_path: Path) -> None:
    for name in ("a.txt.gz", "b.jsonl", "c.parquet", "d.e", "f", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "g.txt").mkdir()
    assert list(find_categories(tmp_path)) == ["a", "b", "c", "d.e", "f", "g.txt"]


def test_a_remote_folder_has_the_same_categories(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.pipe({"/mix/de.txt.gz": b"x", "/mix/code/1.txt": b"y", "/mix/.hidden": b""})
    try:
        found = find_categories("memory://mix")
        assert found == {"code": "memory:///mix/code", "de": "memory:///mix/de.txt.gz"}
        shards = [find_shards(name, place).shards for name, place in found.items()]
        assert [shard.path for part in shards for shard in part] == [
            "memory:///mix/code/1.txt",
            "memory:///mix/de.txt.gz",
        ]
    finally:
        system.rm("/mix", recursive=True)
    with pytest.raises(FormatError, match="is not a folder"):
        find_categories("memory://mix")
    with pytest.raises(FormatError, match="cannot open"):
        find_categories("nosuchprotocol://mix")
