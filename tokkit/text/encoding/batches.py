"""Many texts, and long ones, on all cores: kernels run without the interpreter's lock.

Short texts are encoded together, a few hundred kilobytes at once; long ones in parts, cut at safe
places (`cuts`). What a thread holds the lock for, it does a part at a time, so that another one may
have its own part in a kernel: making bytes of the texts, and Python's numbers of the ids.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np

from tokkit.arguments import check_whole
from tokkit.text.encoding.encoder import Ids, Reading, TextEncoder, text_bytes

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

    texts: Sequence[str | bytes]
    continues: bool = False


def encode_each(
    encoder: TextEncoder, texts: Sequence[str | bytes], reading: Reading, *, threads: int | None
) -> list[Ids]:
    """The ids of each text.

    Raises:
        EncodingError: as `TextEncoder.ids`, of a text that has such a byte; or a lone surrogate.
        ArgumentError: neither `str` nor bytes, or `threads` is no number of threads.
    """
    found = _parts_of_each(encoder, texts, reading, threads, np.asarray)
    return [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in found]


def lists_of_each(
    encoder: TextEncoder, texts: Sequence[str | bytes], reading: Reading, *, threads: int | None
) -> list[list[int]]:
    """The ids of each text as a list; raises as `encode_each`."""
    found = _parts_of_each(encoder, texts, reading, threads, np.ndarray.tolist)
    return [parts[0] if len(parts) == 1 else list(chain(*parts)) for parts in found]


def _parts_of_each(
    encoder: TextEncoder,
    texts: Sequence[str | bytes],
    reading: Reading,
    threads: int | None,
    form: Callable[[Ids], ResultT],
) -> list[list[ResultT]]:
    """The ids of the parts of each text, in the form in which they are wanted."""
    threads = n_threads(threads)

    def encoded(job: _Job) -> list[ResultT]:
        data = list(map(text_bytes, job.texts))
        if job.continues or len(data) == 1:
            return [form(encoder.ids(data[0], reading, continues=job.continues))]
        return list(map(form, encoder.ids_of_each(data, reading)))

    in_parts = threads > 1 and not encoder.joins_pieces(reading)
    jobs = list(_jobs(encoder, texts, in_parts=in_parts))
    found: list[list[ResultT]] = []
    for job, ids in zip(jobs, in_threads(encoded, jobs, threads), strict=True):
        if job.continues:
            found[-1] += ids
        else:
            found += ([each] for each in ids)
    return found


def _jobs(encoder: TextEncoder, texts: Sequence[str | bytes], *, in_parts: bool) -> Iterator[_Job]:
    together: list[str | bytes] = []
    size = 0
    for text in texts:
        if not isinstance(text, str) or len(text) > PART_BYTES // 2:  # in characters
            text = text_bytes(text)
        if together and size + len(text) > PART_BYTES:
            yield _Job(together)
            together, size = [], 0
        if in_parts and len(text) > 2 * PART_BYTES and encoder.cuts.exist:
            for k, part in enumerate(_parts(encoder, text_bytes(text))):
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
