"""Arrays from an npz of a stranger: what it says about sizes is looked at before it is unpacked.

Nothing is unpickled. An array whose header claims more than its entry holds is refused before
memory is taken for it.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, refused_by_system

MOST_BYTES = 1 << 30
"""Of all entries together, unpacked."""
MOST_ENTRIES = 1 << 20
_ENDING = ".npy"

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)

Header = tuple[tuple[int, ...], np.dtype[Any]]
"""Shape and type of an array."""


@contextmanager
def opened_zip(path: Path, *, most_bytes: int = MOST_BYTES) -> Generator[zipfile.ZipFile]:
    """A zip of bounded size.

    Raises:
        FormatError: it cannot be read, is none, is damaged, or unpacks to more than `most_bytes`.
    """
    try:
        with refused_by_system(f"read {str(path)!r}"), zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES:
                raise FormatError(f"{path}: more than {MOST_ENTRIES:,} files")
            if (total := sum(each.file_size for each in entries)) > most_bytes:
                raise FormatError(
                    f"{path}: unpacks to {total:,} bytes, expected at most {most_bytes:,}"
                )
            yield archive
    except (*_DAMAGED, NotImplementedError, RuntimeError) as error:
        raise FormatError(f"{path}: a damaged or unreadable zip ({error})") from error


def array_headers(archive: zipfile.ZipFile, path: Path) -> dict[str, Header]:
    """Shapes and types of the arrays of an npz, by name.

    Raises:
        FormatError: one is no array, holds objects, or is said to hold more than is there.
    """
    names = [name for name in archive.namelist() if name.endswith(_ENDING)]
    return {name.removesuffix(_ENDING): _header(archive, name, path) for name in names}


def _header(archive: zipfile.ZipFile, name: str, path: Path) -> Header:
    """From its first bytes."""
    try:
        with archive.open(name) as stream:
            version = np.lib.format.read_magic(stream)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, _, dtype = read(stream)
    except (ValueError, KeyError, OSError, SyntaxError, TokenError, *_DAMAGED) as error:
        raise FormatError(f"{path}: {name!r:.80} is no array ({error})") from error
    size = archive.getinfo(name).file_size
    n_bytes = int(np.prod([int(each) for each in shape], dtype=object)) * dtype.itemsize
    if dtype.hasobject or not 0 <= n_bytes <= size:
        raise FormatError(f"{path}: {name!r:.80} holds objects, or less than its {shape} says")
    return shape, dtype


def read_array(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    """An array of which `array_headers` told.

    Raises:
        FormatError: it is damaged.
    """
    try:
        with archive.open(f"{name}{_ENDING}") as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, OSError, *_DAMAGED) as error:
        raise FormatError(f"{path}: {name!r:.80} cannot be read ({error})") from error


def read_arrays(path: Path, *, most_bytes: int = MOST_BYTES) -> Mapping[str, NDArray[Any]]:
    """All arrays of an npz, by name.

    Raises:
        FormatError: it cannot be read, is none, is damaged or too large, or holds objects.
    """
    if path.is_file() and not zipfile.is_zipfile(path):
        raise FormatError(f"{path}: no npz; expected one, as numpy.savez writes it")
    with opened_zip(path, most_bytes=most_bytes) as archive:
        return {name: read_array(archive, name, path) for name in array_headers(archive, path)}
