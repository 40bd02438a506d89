"""A file of any size as an array of ids: in bounded memory, on all cores, and to be gone on with.

The text is read a window at a time and cut at safe places (`cuts`), a part for each thread. The ids
of the parts are appended to a file beside the target (`.NAME.part`), and a record beside that says,
every few seconds, how far it is good: bytes read, a digest of them, ids written. A later call with
the same text, tokenizer and options reads what the record tells of once more, compares the digest,
and goes on. At the end the file takes the target's place.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import (
    ArgumentError,
    EncodingError,
    FormatError,
    Interrupted,
    UnsupportedError,
    refused_by_system,
)
from tokkit.files.json_text import parse_json, want_object
from tokkit.files.writing import write_whole
from tokkit.text.encoding.batches import PART_BYTES
from tokkit.text.encoding.encoder import Ids, Reading, TextEncoder
from tokkit.text.segment_models.bpe import MAX_CHARACTER

MAX_UNCUT = 1 << 26
"""Bytes in which there must be a safe place."""
RECORD_SECONDS = 5.0
HEADER_BYTES = 128
"""Of a `.npy` file of one axis, however long: NumPy leaves room for the length."""
_ID_BYTES = 4
_FORMAT = "tokkit encode_file"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Settings:
    """How a file is encoded.

    Attributes:
        fingerprint: of the tokenizer.
        reading: how texts are read.
        threads: how many parts are encoded at once.
    """

    fingerprint: str
    reading: Reading
    threads: int


@dataclass(frozen=True)
class _Done:
    """How far a file is encoded: bytes of the text, ids, and the digests of both."""

    n_bytes: int
    n_ids: int
    of_text: Any
    of_ids: Any

    def after(self, part: bytes, ids: Ids) -> _Done:
        """The same once a further part is done."""
        of_text, of_ids = self.of_text.copy(), self.of_ids.copy()
        of_text.update(part)
        of_ids.update(_stored(ids))
        return _Done(self.n_bytes + len(part), self.n_ids + len(ids), of_text, of_ids)

    @property
    def digests(self) -> dict[str, str]:
        """As they stand in the record."""
        return {"digest": self.of_text.hexdigest(), "ids_digest": self.of_ids.hexdigest()}


def _stored(ids: Ids) -> memoryview:
    """Ids as they stand in the file."""
    return ids.astype("<i4", copy=False).data


def encode_file(
    encoder: TextEncoder, path: Path, into: Path, settings: Settings, progress: Progress
) -> NDArray[np.int32]:
    """See `TextTokenizer.encode_file`."""
    if not encoder.cuts.exist or encoder.joins_pieces(settings.reading):
        raise UnsupportedError(
            f"{encoder.spec.name}: there is no place at which any text may be cut without another "
            "encoding of what stands beside it, so that files are not encoded in parts; read the "
            "file, and use encode_array"
        )
    with _Text(path) as text, refused_by_system(f"write {str(into)!r}"):
        if into.is_dir() or (into.exists() and path.samefile(into)):
            raise ArgumentError(f"{str(into)!r} is the text itself or a folder; name another file")
        with _Parts(into.with_name(f".{into.name}.part"), settings) as parts:
            _fill(encoder, text, parts, settings, progress)
            parts.finish(into)
    return np.load(into, mmap_mode="r")


class _Text:
    """The file that is read. What the system refuses here is told as of it, not of the ids."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        with self._refused():
            # A pipe would be waited for when it is opened.
            if self.path.exists() and not self.path.is_file():
                raise FormatError(
                    f"{str(self.path)!r} is no regular file; its text cannot be read again"
                )
            self._stream = self.path.open("rb")
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _refused(self) -> AbstractContextManager[None]:
        return refused_by_system(f"read {str(self.path)!r}")

    @property
    def n_bytes(self) -> int:
        """As it is now."""
        with self._refused():
            return os.fstat(self._stream.fileno()).st_size

    def read(self, n_bytes: int) -> bytes:
        """So many bytes, or fewer at the end."""
        with self._refused():
            return self._stream.read(n_bytes)


class _Parts:
    """The file of ids that is being written, and the record of how far it is good."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path = path
        self._record_path = path.with_name(f"{path.name}.json")
        reading = asdict(settings.reading)
        self._asked = {"format": _FORMAT, "tokenizer": settings.fingerprint, **reading}
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        if not self._path.exists():  # what a call has left that ended just before its last step
            self._record_path.unlink(missing_ok=True)
        self._stream = self._path.open("r+b" if self._path.exists() else "w+b")
        with suppress(ImportError):  # Windows has no such locks
            import fcntl

            try:
                fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                ours = os.path.samestat(os.fstat(self._stream.fileno()), self._path.stat())
            except (BlockingIOError, FileNotFoundError):
                ours = False
            if not ours:  # or another call has just put it in its place
                self._stream.close()
                raise ArgumentError(
                    f"{str(self._path)!r} is being written by another call; wait until it ends"
                )
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def resume(self, text: _Text) -> _Done:
        """What an earlier call has done; `text` is read as far.

        Raises:
            ArgumentError: it was another text or tokenizer.
            FormatError: the record is damaged.
        """
        done = _Done(0, 0, hashlib.blake2b(), hashlib.blake2b())
        if self._record_path.exists():
            record = self._read_record()
            n_bytes, n_ids = record["bytes"], record["ids"]
            done = replace(done, n_bytes=n_bytes, n_ids=n_ids)
            self._stream.seek(HEADER_BYTES)
            same = _digest(text.read, n_bytes, done.of_text)
            if not same or done.digests["digest"] != record.get("digest"):
                raise self._other(f"the beginning of {text.path} has changed since")
            same = _digest(self._stream.read, _ID_BYTES * n_ids, done.of_ids)
            if not same or done.digests["ids_digest"] != record.get("ids_digest"):
                raise FormatError(
                    f"{str(self._path)!r} holds other ids than its record says; remove both"
                )
        size = HEADER_BYTES + _ID_BYTES * done.n_ids
        self._stream.truncate(size)
        self._stream.seek(size)
        return done

    def _read_record(self) -> dict[str, Any]:
        where = str(self._record_path)
        found = want_object(parse_json(self._record_path.read_bytes(), where), where)
        for key, value in self._asked.items():
            if found.get(key) != value:
                raise self._other(f"{key} was {found.get(key)!r}, and is {value!r}")
        counts = [found.get("bytes"), found.get("ids")]
        if not all(type(count) is int and count >= 0 for count in counts):
            raise FormatError(f"{where} is damaged; remove it, to begin anew")
        return found

    def _other(self, why: str) -> ArgumentError:
        return ArgumentError(
            f"{str(self._path)!r} is what an interrupted call has left, of another text or "
            f"tokenizer ({why}); remove it and {self._record_path.name!r}, to begin anew"
        )

    def add(self, ids: Ids) -> None:
        """Append ids."""
        self._stream.write(_stored(ids))

    @property
    def is_due(self) -> bool:
        """Whether the record is some seconds old."""
        return time.monotonic() - self._told > RECORD_SECONDS

    def record(self, done: _Done) -> None:
        """Say how far the file is good."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        figures = {"bytes": done.n_bytes, "ids": done.n_ids, **done.digests}
        write_whole(self._record_path, json.dumps({**self._asked, **figures}))
        self._told = time.monotonic()

    def finish(self, into: Path) -> None:
        """Write the header, and put the file in its place."""
        n_ids = (self._stream.tell() - HEADER_BYTES) // _ID_BYTES
        header = io.BytesIO()
        about = {"descr": "<i4", "fortran_order": False, "shape": (n_ids,)}
        np.lib.format.write_array_header_1_0(header, about)
        assert len(header.getvalue()) == HEADER_BYTES, "NumPy leaves room for the length"
        self._stream.seek(0)
        self._stream.write(header.getvalue())
        self._stream.flush()
        os.fsync(self._stream.fileno())
        if into.exists():
            self._path.chmod(into.stat().st_mode & 0o777)
        self._path.replace(into)
        self._record_path.unlink(missing_ok=True)


def _digest(read: Callable[[int], bytes], n_bytes: int, digest: Any) -> bool:
    """Put so many bytes that are read into a digest; whether there are as many."""
    while n_bytes and (block := read(min(n_bytes, MAX_UNCUT))):
        digest.update(block)
        n_bytes -= len(block)
    return not n_bytes


def _fill(
    encoder: TextEncoder, text: _Text, parts: _Parts, settings: Settings, progress: Progress
) -> None:
    """Encode the rest of a text, and append its ids."""
    done = parts.resume(text)
    total = text.n_bytes
    if done.n_bytes:  # perhaps there is no more
        progress(done.n_bytes, total)
    pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="tokkit-encode")
    waiting: deque[tuple[bytes, Future[Ids]]] = deque()

    def take(*, last: bool = False) -> None:
        nonlocal done
        part, future = waiting.popleft()
        try:
            ids = future.result()
        except EncodingError as error:
            raise EncodingError(
                f"{text.path}, in the part that begins at byte {done.n_bytes}: {error}"
            ) from None
        ahead = done.after(part, ids)
        parts.add(ids)
        if not last:  # a text may grow, so that its end is no place to go on from
            done = ahead  # at once, wherever an interruption falls; more ids in the file do no harm
        if parts.is_due:
            parts.record(done)
        progress(ahead.n_bytes, max(total, ahead.n_bytes))  # a text may grow meanwhile

    try:
        for start, part in _read_parts(encoder, text, done.n_bytes):
            ids = pool.submit(encoder.ids, part, settings.reading, continues=start > 0)
            waiting.append((part, ids))
            if len(waiting) > 2 * settings.threads:
                take()
        while waiting:
            take(last=len(waiting) == 1)
    except BaseException as error:
        if done.n_bytes:
            parts.record(done)
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(
                f"{done.n_bytes:,} of {total:,} bytes are encoded; the same call goes on from there"
            ) from None
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _read_parts(encoder: TextEncoder, text: _Text, start: int) -> Iterator[tuple[int, bytes]]:
    """The rest of a text, cut at safe places, and where each part begins."""
    window = b""
    while True:
        block = text.read(max(PART_BYTES, len(window)))  # of a long window, as much again
        seen = max(len(window) - MAX_CHARACTER, 0)  # a character may have been there in part
        window += block
        if not block:
            if window:
                yield start, window
            return
        place = encoder.cuts.last(window, seen)
        if place < 0:
            if len(window) > MAX_UNCUT:
                raise EncodingError(
                    f"no place is safe to cut in {len(window):,} bytes from byte {start}; the text "
                    "has no white space or punctuation there, or is no text"
                )
            continue
        yield start, window[:place]
        start, window = start + place, window[place:]
