"""Bounded reading of tokenizer files: sizes are checked before bytes are read."""

from __future__ import annotations

import gc
import os
import re
import stat
from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path

from tokkit.arguments import check_path
from tokkit.errors import FormatError, refused_by_system

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""How a Git LFS pointer begins: a text of three lines that stands where a large file belongs."""

MAX_FILE_BYTES = 512 * 1024 * 1024
"""The largest real tokenizer file is about 40 MB; model files are mapped, not read."""

MAX_VOCAB_SIZE = 1 << 22
"""Ids at or above this are refused: the largest real vocabularies hold about 300,000."""

MAX_TOKEN_BYTES = 4096
"""The longest real tokens are runs of a few hundred spaces or dashes."""

MAX_VOCAB_BYTES = 64 * 1024 * 1024
"""All tokens together; real vocabularies stay below 4 MB."""


def read_bounded(path: Path, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        FormatError: the file is missing, not a regular file, empty, unreadable or too large, or a
            Git LFS pointer.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FormatError(f"{path}: not a regular file; give the path of a file")
        if status.st_size > limit:
            raise FormatError(
                f"{path}: {status.st_size:,} bytes, but such a file may have at most "
                f"{limit:,}; check that it is what its name says"
            )
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise FormatError(
            f"{path}: cannot be read ({error.strerror or error}); check the path and permissions"
        ) from error
    if not data:
        raise FormatError(f"{path}: the file is empty; restore it, or download it again")
    if len(data) > limit:
        raise FormatError(f"{path}: grew beyond {limit:,} bytes while it was read")
    refuse_lfs_pointer(data, str(path))
    return data


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file of any size and content, such as a text of the user's.

    Raises:
        ArgumentError: no path.
        FormatError: it cannot be read.
    """
    source = check_path(path, "path")
    with refused_by_system(f"read {str(source)!r}", "give the path of a file"):
        return source.read_bytes()


def refuse_lfs_pointer(data: bytes, where: str) -> None:
    """Say what a Git LFS pointer is, and how to get what belongs in its place.

    Raises:
        FormatError: `data`, the file or its beginning, is one.
    """
    if data.startswith(LFS_POINTER):
        size = re.search(rb"\nsize (\d{1,15})\n", data[:1024])
        content = f"{int(size[1]):,} bytes of content" if size else "the content"
        raise FormatError(
            f"{where}: a Git LFS pointer, which stands in for {content}; run 'git lfs pull' in the "
            "clone that it comes from, or download the file itself"
        )


def read_head(path: Path, n_bytes: int = 1024) -> bytes:
    """The first bytes of a file that is no Git LFS pointer.

    Raises:
        FormatError: it is one.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(n_bytes)
    refuse_lfs_pointer(head, str(path))
    return head


def refuse_lfs_pointers_in(folder: Path) -> None:
    """Name a Git LFS pointer where the files of a folder turned out to be unusable.

    Raises:
        FormatError: one of the files is one.
    """
    for path in sorted(folder.iterdir()):
        if path.is_file():
            read_head(path)


def check_token_sizes(sizes: Collection[int], where: str, *, least: int = 1) -> None:
    """Refuse a vocabulary by the lengths of its tokens.

    Raises:
        FormatError: a token below `least`, or too long, or all of them together are.
    """
    if min(sizes) < least or max(sizes) > MAX_TOKEN_BYTES or sum(sizes) > MAX_VOCAB_BYTES:
        raise FormatError(
            f"{where}: tokens of {min(sizes)} to {max(sizes):,} bytes; expected {least} to "
            f"{MAX_TOKEN_BYTES:,}, and {MAX_VOCAB_BYTES:,} together"
        )


def decode_utf8(data: bytes, where: str) -> str:
    """Decode `data`, strictly.

    Raises:
        FormatError: it is not UTF-8; the message tells the offset.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{where}: byte {data[error.start]:#04x} at offset {error.start} is not UTF-8; "
            "a text format was expected: save the file as UTF-8 or download it again"
        ) from error


@contextmanager
def collector_paused() -> Generator[None]:
    """Pause the cyclic garbage collector: reading makes millions of tuples and no cycles.

    Saves about a fifth of the time of a large vocabulary.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
