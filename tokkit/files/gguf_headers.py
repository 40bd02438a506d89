"""GGUF headers: the key-value metadata of a model file, bounded by the size of the file.

Source: ggml, `docs/gguf.md` (versions 2 and 3, little-endian). Readers have had holes here because
they trusted counts; here every count is compared with the bytes that are left before it is used.
The file is mapped, so tensors are never read, and values are made only of keys that are asked for.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tokkit.errors import FormatError
from tokkit.files.reading import refuse_lfs_pointer

MAGIC = b"GGUF"
MAX_KEYS = 65_536
MAX_STRING_BYTES = 64 * 1024 * 1024
_STRING, _ARRAY, _BOOL = 8, 9, 7
_NUMPY: dict[int, str] = {
    0: "<u1", 1: "<i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4", 6: "<f4", 7: "u1",
    10: "<u8", 11: "<i8", 12: "<f8",
}  # fmt: skip
_U64 = struct.Struct("<Q")


def is_gguf(path: Path) -> bool:
    """Whether a file begins as GGUF does; not, where it cannot be read."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as stream:
                return stream.read(4) == MAGIC
    return False


class Cursor:
    """A position in the mapped file; every step is checked against its end."""

    def __init__(self, data: mmap.mmap, where: str) -> None:
        self.data = data
        self.where = where
        self.at = 0

    def skip(self, count: int) -> int:
        """Move on by `count` bytes; the position before."""
        before = self.at
        if count > len(self.data) - before:
            raise FormatError(
                f"{self.where}: needs {count:,} bytes at offset {before:,}, but the file ends at "
                f"{len(self.data):,}; it is truncated or damaged: download it again"
            )
        self.at = before + count
        return before

    def u32(self) -> int:
        """The next 4 bytes."""
        return int.from_bytes(self.data[self.skip(4) : self.at], "little")

    def u64(self) -> int:
        """The next 8 bytes."""
        return int.from_bytes(self.data[self.skip(8) : self.at], "little")

    def string(self, limit: int = MAX_STRING_BYTES) -> bytes:
        """A length and that many bytes."""
        length = self.u64()
        if length > limit:
            raise FormatError(f"{self.where}: a string of {length:,} bytes; expected {limit:,}")
        return self.data[self.skip(length) : self.at]


@dataclass(frozen=True)
class Entry:
    """A key of the metadata.

    Attributes:
        key: its name.
        value: str, int, float, bool, numpy array, or list of bytes (an array of strings); None
            where it is not wanted.
        start, stop: the bytes of the whole entry in the file.
        count: elements of an array, else 1.
    """

    key: str
    value: Any
    start: int
    stop: int
    count: int


def read_metadata(path: Path, wanted: Callable[[str], bool]) -> dict[str, Any]:
    """The metadata whose keys are `wanted`.

    Args:
        path: a GGUF file.
        wanted: which keys to keep; the others are skipped.

    Returns:
        Key -> value, as in `Entry`.

    Raises:
        FormatError: missing, not GGUF, truncated, with counts that the file cannot hold, of
            another version of the format, or big-endian.
    """
    with open_header(path) as header:
        entries = header.entries(wanted)
        return {entry.key: entry.value for entry in entries if entry.value is not None}


@contextmanager
def open_header(path: Path) -> Generator[Header]:
    """Map a file, and check how it begins.

    Raises:
        FormatError: as `read_metadata`.
    """
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as m:
            yield Header(Cursor(m, str(path)))
    except (OSError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"{path}: cannot be read ({error}); check that it is a file and not empty"
        ) from error


class Header:
    """The front of a GGUF file, read once from its beginning on.

    Attributes:
        cursor: where reading goes on.
        version: of the format.
        n_tensors: as declared.
    """

    def __init__(self, cursor: Cursor) -> None:
        """Read the magic, the version and the counts."""
        self.cursor, where = cursor, cursor.where
        refuse_lfs_pointer(cursor.data[:1024], where)
        if cursor.data[cursor.skip(4) : cursor.at] != MAGIC:
            raise FormatError(f"{where}: does not begin with 'GGUF'; expected a GGUF file")
        self.version = cursor.u32()
        if self.version not in (2, 3):
            raise FormatError(
                f"{where}: GGUF version {self.version:#x}; tokkit reads versions 2 and 3, "
                "little-endian. Convert the model again with a current llama.cpp"
            )
        self.n_tensors = cursor.u64()
        self._n_keys = cursor.u64()
        if self._n_keys > min(MAX_KEYS, len(cursor.data) // 12):
            raise FormatError(
                f"{where}: declares {self._n_keys:,} keys; expected at most {MAX_KEYS:,}"
            )

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[Entry]:
        """All metadata, in order.

        Raises:
            FormatError: a key that is wanted stands twice; or as `read_metadata`.
        """
        cursor, where = self.cursor, self.cursor.where
        found: set[str] = set()
        for _ in range(self._n_keys):
            start = cursor.at
            key = cursor.string(MAX_KEYS).decode("utf-8", "replace")
            cursor.where = f"{where}: {key[:80]}"
            keep = wanted(key)
            if keep and key in found:
                raise FormatError(f"{where}: the key {key[:80]!r} stands twice")
            found.add(key)
            value, count = _value(cursor, cursor.u32(), keep=keep)
            yield Entry(key, value, start, cursor.at, count)
        cursor.where = where


def _value(cursor: Cursor, kind: int, *, keep: bool) -> tuple[Any, int]:
    """A value, or None where it is skipped; and how many elements it has."""
    if kind == _STRING:
        raw = cursor.string()
        return raw.decode("utf-8", "replace") if keep else None, 1
    if kind == _ARRAY:
        kind, count = cursor.u32(), cursor.u64()
        return _array(cursor, kind, count, keep=keep), count
    item = _number_type(kind, cursor)
    start = cursor.skip(item.itemsize)
    if not keep:
        return None, 1
    value = np.frombuffer(cursor.data[start : cursor.at], dtype=item)[0].item()
    return bool(value) if kind == _BOOL else value, 1


def _array(cursor: Cursor, kind: int, count: int, *, keep: bool) -> Any:
    if kind == _STRING:
        return _strings(cursor, count, keep=keep)
    if kind == _ARRAY:
        raise FormatError(f"{cursor.where}: an array of arrays; no model has one")
    item = _number_type(kind, cursor)
    start = cursor.skip(item.itemsize * count)
    if not keep:
        return None
    return np.frombuffer(cursor.data[start : cursor.at], dtype=item)


def _number_type(kind: int, cursor: Cursor) -> np.dtype[Any]:
    if kind not in _NUMPY:
        raise FormatError(f"{cursor.where}: the value type {kind}; expected 0 to 12")
    return np.dtype(_NUMPY[kind])


def _strings(cursor: Cursor, count: int, *, keep: bool) -> list[bytes] | None:
    """`count` strings. The loop is tight: a vocabulary has hundreds of thousands."""
    data, at, end = cursor.data, cursor.at, len(cursor.data)
    if count > (end - at) // 8:
        raise FormatError(
            f"{cursor.where}: declares {count:,} strings, but only {end - at:,} bytes are left"
        )
    found: list[bytes] = []
    unpack = _U64.unpack_from
    for _ in range(count):
        if at > end - 8:
            raise FormatError(f"{cursor.where}: the file ends within an array of strings")
        (length,) = unpack(data, at)
        at += 8
        if length > end - at:
            raise FormatError(
                f"{cursor.where}: a string of {length:,} bytes, but {end - at:,} are left"
            )
        if keep:
            found.append(data[at : at + length])
        at += length
    cursor.at = at
    return found if keep else None
