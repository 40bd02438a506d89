"""Counts do not depend on shards, blocks, workers or interruptions."""

from __future__ import annotations

import gzip
import os
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokkit
from tests.mixture.toy_mixture import train, write_text
from tokkit.errors import FormatError, MissingExtraError
from tokkit.mixture.samples import counting
from tokkit.mixture.samples.counting import (
    SampleCounts,
    add_samples,
    count_categories,
    count_texts,
    read_counts,
    write_counts,
)
from tokkit.mixture.samples.shard_text import ReadOptions
from tokkit.mixture.samples.words import WordSplitter
from tokkit.text.tokenizer import TextTokenizer

FEW = settings(max_examples=40, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    path = tmp_path_factory.mktemp("toy") / "tokenizer.json"
    return tokkit.load_tokenizer(train(path, n_bytes=30_000, vocab_size=400))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two categories, one of them in three files of which one is compressed."""
    root = tmp_path / "samples"
    (root / "north").mkdir(parents=True)
    for k in range(2):
        (root / f"north/{k}.txt").write_text(write_text("north", 9_000, seed=k), encoding="utf-8")
    more = write_text("north", 9_000, seed=3).encode()
    (root / "north/2.txt.gz").write_bytes(gzip.compress(more))
    (root / "east.txt").write_text(write_text("east", 20_000, seed=0), encoding="utf-8")
    return root


def corpora(folder: Path) -> dict[str, Path]:
    return {"north": folder / "north", "east": folder / "east.txt"}


def same(one: dict[str, SampleCounts], other: dict[str, SampleCounts]) -> bool:
    return list(one) == list(other) and all(one[k].words == other[k].words for k in one)


@FEW
@given(texts=st.lists(st.text("ab \n1.é", max_size=60), max_size=6), size=st.integers(64, 200))
def test_counts_are_those_of_the_pieces(
    tokenizer: TextTokenizer, texts: list[str], size: int
) -> None:
    expected: Counter[bytes] = Counter()
    for text in texts:
        for pieces in tokenizer.pieces(text):
            cut = pieces.text.tobytes()
            expected.update(cut[a:b] for a, b in pairwise(pieces.bounds.tolist()))
    data = [text.encode() for text in texts]
    found = count_texts(WordSplitter.of(tokenizer), data, 1 << 20).words
    assert dict(zip(found.words(), found.counts.tolist(), strict=True)) == expected
    assert found.n_bytes == sum(map(len, data))


@FEW
@given(
    lines=st.lists(st.text("ab 1.é", max_size=30).map("x{}\n".format), max_size=30),
    size=st.integers(64, 200),
)
def test_the_size_of_blocks_changes_no_count(
    tokenizer: TextTokenizer, lines: list[str], size: int
) -> None:
    splitter, text = WordSplitter.of(tokenizer), "".join(lines).encode()
    whole = count_texts(splitter, [text], 1 << 20)
    assert count_texts(splitter, [text], size).words == whole.words


def test_the_order_of_parts_and_the_workers_change_no_count(
    tokenizer: TextTokenizer, folder: Path
) -> None:
    splitter = WordSplitter.of(tokenizer)
    once = count_categories(splitter, corpora(folder))
    files = sorted((folder / "north").iterdir(), reverse=True)
    parts = [count_categories(splitter, {"north": file})["north"] for file in files]
    assert add_samples(parts).words == once["north"].words
    assert once["north"].words.n_bytes == 27_000
    joblib = pytest.importorskip("joblib", reason="needs the mixture extra")
    with joblib.parallel_config("threading", n_jobs=2):
        assert same(count_categories(splitter, corpora(folder)), once)


@pytest.mark.slow
def test_other_processes_count_the_same(tokenizer: TextTokenizer, folder: Path) -> None:
    pytest.importorskip("joblib", reason="needs the mixture extra")
    splitter = WordSplitter.of(tokenizer)
    once = count_categories(splitter, corpora(folder))
    for n_jobs in (2, 10**9):  # no more processes than files
        assert same(count_categories(splitter, corpora(folder), n_jobs=n_jobs), once)


def test_invalid_and_zero_bytes_are_counted(tokenizer: TextTokenizer) -> None:
    texts = [b"ab\xff\xc3(", "aé".encode() + b"\0" * 3]
    found = count_texts(WordSplitter.of(tokenizer), texts, 1 << 20)
    assert (found.n_invalid, found.n_nul) == (2, 3)


def test_without_joblib_files_are_counted_one_by_one(
    tokenizer: TextTokenizer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splitter = WordSplitter.of(tokenizer)
    expected = count_categories(splitter, corpora(folder))
    monkeypatch.setitem(sys.modules, "joblib", None)
    assert same(count_categories(splitter, corpora(folder)), expected)
    with pytest.raises(MissingExtraError, match="n_jobs=2 needs joblib"):
        count_categories(splitter, corpora(folder), n_jobs=2)


# -- resuming --------------------------------------------------------------------------------


def test_an_interrupted_run_goes_on_where_it_stopped(
    tokenizer: TextTokenizer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splitter, cache = WordSplitter.of(tokenizer), tmp_path / "cache"
    expected = count_categories(splitter, corpora(folder))
    read: list[str] = []
    original = counting.read_texts

    def failing(shard: counting.Shard, options: ReadOptions):
        read.append(Path(shard.path).name)
        if len(read) == 3:
            raise KeyboardInterrupt
        return original(shard, options)

    monkeypatch.setattr(counting, "read_texts", failing)
    with pytest.raises(KeyboardInterrupt):
        count_categories(splitter, corpora(folder), cache=cache)
    assert len(list(cache.iterdir())) == 2, "the finished files, and nothing else"
    assert same(count_categories(splitter, corpora(folder), cache=cache), expected)
    assert len(read) == 5, "the two finished files were not read again"
    assert same(count_categories(splitter, corpora(folder), cache=cache), expected)
    assert len(read) == 5


def test_a_changed_file_tokenizer_or_option_is_counted_anew(
    tokenizer: TextTokenizer, folder: Path, tmp_path: Path
) -> None:
    cache, samples = tmp_path / "cache", {"east": folder / "east.txt"}
    splitter = WordSplitter.of(tokenizer)
    before = count_categories(splitter, samples, cache=cache)
    path = folder / "east.txt"
    path.write_text("neu und anders\n" * 4)
    after = count_categories(splitter, samples, cache=cache)
    assert after["east"].words.n_bytes == 60 != before["east"].words.n_bytes
    status = path.stat()
    path.write_text("neu und anderz\n" * 4)  # same size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert not same(count_categories(splitter, samples, cache=cache), after)
    n_entries = len(list(cache.iterdir()))
    count_categories(splitter, samples, cache=cache, options=ReadOptions(block_bytes=100))
    other = WordSplitter(splitter.spec, splitter.by_line, splitter.prefix_space, "other")
    count_categories(other, samples, cache=cache)
    assert len(list(cache.iterdir())) == n_entries + 2


def test_a_damaged_entry_is_counted_anew(
    tokenizer: TextTokenizer, folder: Path, tmp_path: Path
) -> None:
    splitter, cache = WordSplitter.of(tokenizer), tmp_path / "cache"
    samples = {"east": folder / "east.txt"}
    expected = count_categories(splitter, samples, cache=cache)
    (entry,) = cache.iterdir()
    whole = entry.read_bytes()
    words = expected["east"].words
    damaged = [b"", whole[: len(whole) // 2], b"nonsense"]
    for content in damaged:
        entry.write_bytes(content)
        assert read_counts(entry) is None
        assert same(count_categories(splitter, samples, cache=cache), expected)
    wrong_starts = words.starts + 1
    arrays: dict[str, Any] = {
        "text": words.text,
        "counts": words.counts,
        "sizes": np.zeros(3, np.int64),
    }
    np.savez(entry, starts=wrong_starts, **arrays)
    assert read_counts(entry) is None
    np.savez(entry, starts=np.array([{}]), **arrays)  # would have to be unpickled
    assert read_counts(entry) is None
    wrapped = np.array([0, 1 << 62, -1 << 63, -1, 8])  # all differences are positive in 64 bits
    arrays |= {"text": np.zeros(8, np.uint8), "counts": np.ones(4, np.int64)}
    np.savez(entry, starts=wrapped, **arrays)
    assert read_counts(entry) is None
    arrays["counts"] = np.full(4, 2**63 - 1)
    np.savez(entry, starts=np.arange(0, 10, 2), **arrays)
    assert read_counts(entry) is None
    with entry.open("wb") as stream:
        np.save(stream, wrapped)  # one array, and no archive
    assert read_counts(entry) is None


def test_writing_counts_leaves_them_whole_or_not_at_all(
    tokenizer: TextTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = count_texts(WordSplitter.of(tokenizer), [b"one two"], 1 << 20)
    path = tmp_path / "entry.npz"
    write_counts(path, counts)
    found = read_counts(path)
    assert found is not None and found.words == counts.words
    before = path.read_bytes()

    def half(stream, **arrays) -> None:
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(FormatError, match="No space left"):
        write_counts(path, counts)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_cache_that_cannot_be_made_is_an_error(
    tokenizer: TextTokenizer, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FormatError, match="cannot make the cache"):
        count_categories(WordSplitter.of(tokenizer), corpora(folder), cache=tmp_path / "file/cache")


def test_progress_reaches_the_end(tokenizer: TextTokenizer, folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    count_categories(
        WordSplitter.of(tokenizer),
        corpora(folder),
        progress=lambda what, done, total: seen.append((done, total)),
    )
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)


# -- clusters --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of Ray's own processes and sockets
def test_a_ray_cluster_counts_the_same(
    tokenizer: TextTokenizer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ENABLE_AUTO_CONNECT", "0")  # no second cluster after the first
    ray = pytest.importorskip("ray", reason="needs the cluster extra")
    joblib = pytest.importorskip("joblib")
    splitter = WordSplitter.of(tokenizer)
    expected = count_categories(splitter, corpora(folder))
    root = str(Path(__file__).parents[3])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 << 20,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": root}},
    )
    try:
        pytest.importorskip("ray.util.joblib").register_ray()
        with joblib.parallel_config("ray", n_jobs=2):
            found = count_categories(splitter, corpora(folder), cache=tmp_path / "cache")
    finally:
        ray.shutdown()
    assert same(found, expected)
    assert len(list((tmp_path / "cache").iterdir())) == 4, "written by the workers"
