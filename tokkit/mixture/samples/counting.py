"""`count_categories`: samples to word counts, in parallel over files, with partial counts kept.

Each file is a task of its own: it is streamed in blocks, split, reduced to `WordCounts`, and these
are added up. Tasks go through joblib, so `joblib.parallel_config(backend="ray")` or `"dask"` around
the call sends them to a cluster; a task is a top-level function of a splitter, a path and options.

With `cache` the counts of every file that was finished are kept there, so that an interrupted run
goes on where it stopped. The name of an entry is a digest of the splitter, the options, and the
file's path, size and time of change. Entries are written whole or not at all, and hold arrays only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from tokkit.errors import ArgumentError, FormatError, needs_extra, refused_by_system
from tokkit.files.npz_files import read_arrays
from tokkit.files.writing import whole_file
from tokkit.mixture.samples.shard_text import ReadOptions, blocks_of, read_texts
from tokkit.mixture.samples.sources import Sample, Shard, Source, find_shards
from tokkit.mixture.samples.word_counts import (
    EMPTY,
    WordCounts,
    add_counts,
    count_words,
    joined_words,
)
from tokkit.mixture.samples.words import WordSplitter

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

_PENDING = 16


@dataclass(frozen=True, eq=False)
class SampleCounts:
    """Words of a sample, and what tells a wrong encoding.

    Attributes:
        words: the counts.
        n_invalid: bytes that are not valid UTF-8.
        n_nul: zero bytes, which UTF-16 is full of.
    """

    words: WordCounts
    n_invalid: int = 0
    n_nul: int = 0

    def __add__(self, other: SampleCounts) -> SampleCounts:
        """Counts of both together."""
        return add_samples([self, other])


def add_samples(parts: Iterable[SampleCounts]) -> SampleCounts:
    """Counts of all parts together, in whatever order."""
    parts = list(parts)
    return SampleCounts(
        add_counts(part.words for part in parts),
        sum(part.n_invalid for part in parts),
        sum(part.n_nul for part in parts),
    )


def count_texts(splitter: WordSplitter, texts: Iterable[bytes], block_bytes: int) -> SampleCounts:
    """Count the words of texts, each a text of its own, in memory bounded by the distinct words."""
    done: list[WordCounts] = []
    held: list[bytes] = []
    n_held = n_invalid = n_nul = 0
    for text in texts:
        for block in blocks_of([text], block_bytes):
            held.append(block)
            n_held += len(block)
            n_nul += block.count(0)
            n_invalid += _count_invalid(block)
            if n_held >= block_bytes:
                done.append(_count_block(splitter, held))
                held, n_held = [], 0
        if len(done) >= _PENDING:
            done = [add_counts(done)]
    done.append(_count_block(splitter, held))
    return SampleCounts(add_counts(done), n_invalid, n_nul)


def _count_block(splitter: WordSplitter, texts: list[bytes]) -> WordCounts:
    parts = [part for text in texts for part in splitter.words(text)]
    n_bytes = sum(map(len, texts))
    if not parts:
        return WordCounts(EMPTY.text, EMPTY.starts, EMPTY.counts, n_bytes)
    return count_words(*joined_words(parts), n_bytes=n_bytes)


def _count_invalid(block: bytes) -> int:
    try:
        block.decode()
    except UnicodeDecodeError:
        kept = block.decode(errors="ignore").encode()
        return len(block) - len(kept)
    return 0


def count_shard(
    splitter: WordSplitter, shard: Shard, options: ReadOptions, cache: str | None
) -> SampleCounts:
    """Count one file, or take its counts from the cache: what a worker does.

    Raises:
        FormatError, MissingExtraError: as `read_texts`; the cache cannot be written to.
    """
    entry = None if cache is None else Path(cache) / _entry_name(splitter, shard, options)
    if entry is not None and (kept := read_counts(entry)) is not None:
        return kept
    counts = count_texts(splitter, read_texts(shard, options), options.block_bytes)
    if entry is not None:
        write_counts(entry, counts)
    return counts


def count_categories(
    splitter: WordSplitter,
    corpora: Mapping[str, Source],
    *,
    options: ReadOptions | None = None,
    n_jobs: int | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> dict[str, SampleCounts]:
    """Count the samples of all categories.

    Args:
        splitter: makes words of text.
        corpora: category -> its sample.
        options: how files are read.
        n_jobs: files that are counted at a time, as joblib has it (-1: one a core); None: as the
            surrounding `joblib.parallel_config` says, one without it.
        cache: a folder for the counts of finished files. On a cluster, one that its machines share.
        progress: called with `"counting"`, the bytes done (as stored), and all of them.

    Raises:
        ArgumentError, FormatError, MissingExtraError: a source that cannot be read.
    """
    options = options or ReadOptions()
    samples = {name: find_shards(name, source) for name, source in corpora.items()}
    if cache is not None:
        with refused_by_system(f"make the cache {str(cache)!r}"):
            Path(cache).mkdir(parents=True, exist_ok=True)
    counts = {name: SampleCounts(EMPTY) for name in samples}
    tasks = [(name, shard) for name, sample in samples.items() for shard in sample.shards]
    total = sum(max(0, shard.n_bytes) for _, shard in tasks)
    done = 0
    kept = None if cache is None else str(cache)
    found = _in_parallel([(splitter, shard, options, kept) for _, shard in tasks], n_jobs)
    for (name, shard), part in zip(tasks, found, strict=True):
        counts[name] += part
        done += max(0, shard.n_bytes)
        if progress is not None:
            progress("counting", done, total)
    for name, sample in samples.items():
        if sample.texts is not None:
            counts[name] = _count_in_memory(splitter, name, sample, options)
    return counts


def _count_in_memory(
    splitter: WordSplitter, name: str, sample: Sample, options: ReadOptions
) -> SampleCounts:
    assert sample.texts is not None
    try:
        return count_texts(splitter, sample.texts, options.block_bytes)
    except ArgumentError as error:
        raise ArgumentError(f"category {name!r}: {error}") from error


def require_joblib(n_jobs: int | None) -> None:
    """Refuse several jobs where nothing can run them.

    Raises:
        MissingExtraError: joblib is not installed.
    """
    if n_jobs in (None, 1):
        return
    with needs_extra(f"n_jobs={n_jobs} needs joblib, which is not installed", extra="mixture"):
        import joblib

        del joblib


def _in_parallel(
    tasks: list[tuple[WordSplitter, Shard, ReadOptions, str | None]], n_jobs: int | None
) -> Iterator[SampleCounts]:
    """The counts of each task, in order."""
    require_joblib(n_jobs)
    try:
        import joblib
    except ImportError:
        yield from (count_shard(*task) for task in tasks)
        return
    if n_jobs is not None:
        n_jobs = min(n_jobs, max(len(tasks), 1))  # a worker without a file is a process for nothing
    calls: list[Any] = [cast(Any, joblib).delayed(count_shard)(*task) for task in tasks]
    try:
        parallel = cast(Any, joblib.Parallel)(n_jobs=n_jobs, return_as="generator")
    except ValueError:  # a backend that gives everything at the end
        parallel = cast(Any, joblib.Parallel)(n_jobs=n_jobs)
    yield from parallel(calls)


# -- the cache -------------------------------------------------------------------------------

_ARRAYS = ("text", "starts", "counts", "sizes")
_MOST_CACHED = 1 << 34
_MOST_COUNT = 1 << 53


def _entry_name(splitter: WordSplitter, shard: Shard, options: ReadOptions) -> str:
    text = repr((splitter.key, shard.path, shard.n_bytes, shard.version, options))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:40] + ".npz"


def write_counts(path: Path, counts: SampleCounts) -> None:
    """Write counts to a file, which is there whole or not at all.

    Raises:
        FormatError: it cannot be written.
    """
    words = counts.words
    sizes = np.array([words.n_bytes, counts.n_invalid, counts.n_nul], dtype=np.int64)
    with refused_by_system(f"write {str(path)!r}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as stream:
            np.savez(stream, text=words.text, starts=words.starts, counts=words.counts, sizes=sizes)


def read_counts(path: Path) -> SampleCounts | None:
    """What `write_counts` wrote; None if there is no such file, or it is damaged."""
    try:
        arrays = read_arrays(path, most_bytes=_MOST_CACHED)
        text, starts, counts, sizes = (arrays[name] for name in _ARRAYS)
    except (FormatError, KeyError):
        return None
    shapes = text.ndim == starts.ndim == counts.ndim == 1 and sizes.shape == (3,)
    kinds = text.dtype == np.uint8 and all(a.dtype == np.int64 for a in (starts, counts, sizes))
    if not (shapes and kinds and len(starts) == len(counts) + 1):
        return None
    # The kernels trust these; their differences may wrap.
    in_order = starts[0] == 0 and starts[-1] == len(text) and bool((starts[1:] > starts[:-1]).all())
    if not in_order or sizes.min() < 0:
        return None
    if len(counts) and not 1 <= counts.min() <= counts.max() <= _MOST_COUNT:
        return None
    n_bytes, n_invalid, n_nul = sizes.tolist()
    return SampleCounts(WordCounts(text, starts, counts, n_bytes), n_invalid, n_nul)
