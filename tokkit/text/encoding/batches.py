"""Many texts, and long ones, on all cores: kernels run without the interpreter's lock.

Short texts are encoded together, a few hundred kilobytes at once; long ones in parts, cut at safe
places (`cuts`). What a thread holds the lock for is a share of a part, not of each token.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tokkit.arguments import check_whole
from tokkit.text.encoding.encoder import Ids, Reading, TextEncoder

PART_BYTES = 1 << 18
"""Of text that a thread takes at once."""

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class _Job:
    """Several whole texts, or a part of one.

    Attributes:
        texts: one or more.
        continues: whether it goes on with the text of the job before.
    """

    texts: Sequence[bytes]
    continues: bool = False


def encode_each(
    encoder: TextEncoder, texts: Sequence[bytes], reading: Reading, *, threads: int | None
) -> list[Ids]:
    """The ids of each text.

    Raises:
        EncodingError: as `TextEncoder.ids`, of the first text that has such a byte.
        ArgumentError: `threads` is no number of threads.
    """
    threads = n_threads(threads)

    def encoded(job: _Job) -> list[Ids]:
        if job.continues or len(job.texts) == 1:
            return [encoder.ids(job.texts[0], reading, continues=job.continues)]
        return encoder.ids_of_each(job.texts, reading)

    in_parts = threads > 1 and not encoder.joins_pieces(reading)
    jobs = list(_jobs(encoder, texts, in_parts=in_parts))
    found: list[list[Ids]] = []
    for job, ids in zip(jobs, in_threads(encoded, jobs, threads), strict=True):
        if job.continues:
            found[-1] += ids
        else:
            found += ([each] for each in ids)
    return [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in found]


def _jobs(encoder: TextEncoder, texts: Sequence[bytes], *, in_parts: bool) -> Iterator[_Job]:
    together: list[bytes] = []
    size = 0
    for text in texts:
        if together and size + len(text) > PART_BYTES:
            yield _Job(together)
            together, size = [], 0
        if in_parts and len(text) > 2 * PART_BYTES and encoder.cuts.exist:
            for k, part in enumerate(_parts(encoder, text)):
                yield _Job([part], continues=k > 0)
        else:
            together.append(text)
            size += len(text)
    if together:
        yield _Job(together)


def _parts(encoder: TextEncoder, text: bytes) -> Iterator[bytes]:
    start, stop = 0, PART_BYTES
    while start < len(text):
        window = text[start:stop]
        place = encoder.cuts.last(window) if stop < len(text) else len(window)
        if place < 0:
            stop += max(stop - start, PART_BYTES)
            continue
        yield window[:place]
        start += place
        stop = start + PART_BYTES


def in_threads(
    work: Callable[[JobT], ResultT], jobs: Sequence[JobT], threads: int
) -> Iterator[ResultT]:
    """What `work` makes of each job, in order; the first error ends it."""
    if threads == 1 or len(jobs) < 2:
        yield from map(work, jobs)
        return
    pool = ThreadPoolExecutor(min(threads, len(jobs)), thread_name_prefix="tokkit-encode")
    try:
        yield from pool.map(work, jobs)
    finally:
        pool.shutdown(cancel_futures=True)


def n_threads(threads: int | None) -> int:
    """A number of threads; None: as many as there are cores for this process.

    Raises:
        ArgumentError: less than one, or no whole number.
    """
    if threads is not None:
        check_whole("threads", threads, 1)
        return threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
