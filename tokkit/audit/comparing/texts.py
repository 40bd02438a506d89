"""The texts on which tokenizers are compared, and the blocks over which intervals are taken.

Files are read as the samples of a mixture are: plain text, JSON lines and Parquet, compressed or
not. They are encoded in parts of at most 4 MiB, cut after line ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes, check_kind
from tokkit.errors import ArgumentError, FormatError
from tokkit.mixture.samples.shard_text import ReadOptions, read_texts
from tokkit.mixture.samples.sources import find_shards

Data: TypeAlias = str | bytes | os.PathLike[str]
"""A `str` or `bytes` is the text itself, never the name of a file; a path is a file or a folder."""

MAX_BYTES = 1 << 29
_LEAST_BLOCK = 1 << 11
_MOST_BLOCKS = 400
_LOOKED_AT = 1 << 13
"""A file with a zero byte among its first ones is no text, as git and grep have it."""
_COMPRESSED = {".gz", ".bz2", ".xz", ".zst"}


@dataclass(frozen=True)
class Part:
    """A text, or a part of a long one.

    Attributes:
        data: at most about 4 MiB.
        file_type: the end of the file's name (".py"), or "text".
    """

    data: bytes
    file_type: str


@dataclass(frozen=True)
class Texts:
    """What is compared on.

    Attributes:
        parts: in order.
        block_bytes: of the blocks over which intervals are taken.
        n_left_out: files of folders that are no text.
    """

    parts: tuple[Part, ...]
    block_bytes: int
    n_left_out: int = 0

    @property
    def n_bytes(self) -> int:
        """Of all parts."""
        return sum(len(part.data) for part in self.parts)

    def file_types(self) -> list[str]:
        """Those that occur, by how many bytes they have, most first."""
        sizes: dict[str, int] = {}
        for part in self.parts:
            sizes[part.file_type] = sizes.get(part.file_type, 0) + len(part.data)
        return sorted(sizes, key=lambda kind: (-sizes[kind], kind))

    def edges(self, part: Part) -> NDArray[np.int64]:
        """int64 (blocks + 1,): where the blocks of a part, of nearly one size, begin and end."""
        count = max(1, round(len(part.data) / self.block_bytes))
        return np.linspace(0, len(part.data), count + 1).astype(np.int64)


def read_data(data: Data | Iterable[Data] | Texts) -> Texts:
    """The texts that a caller gives.

    Args:
        data: one text or path, or several; or what this has given before.

    Raises:
        ArgumentError: no texts, not one byte in them, or more than 512 MiB.
        FormatError: a file that cannot be read, or is no text.
        MissingExtraError: a file that needs a package which is not installed.
    """
    if isinstance(data, Texts):
        return data
    several = [data] if isinstance(data, (str, bytes, os.PathLike)) else data
    check_kind(several, Iterable, "data", "pass a text, a path, or a list of them")
    parts: list[Part] = []
    n_bytes = n_left_out = 0
    for item in several:
        for part in _parts_of(item):
            if part is None:
                n_left_out += 1
                continue
            n_bytes += len(part.data)
            if n_bytes > MAX_BYTES:
                raise ArgumentError(
                    f"data: more than {MAX_BYTES >> 20} MiB of text; a sample of them tells the "
                    "same"
                )
            parts.append(part)
    if not n_bytes:
        raise ArgumentError("there is no text to compare tokenizers on")
    block_bytes = max(_LEAST_BLOCK, -(-n_bytes // _MOST_BLOCKS))
    return Texts(tuple(parts), block_bytes, n_left_out)


def _parts_of(item: Data) -> Iterator[Part | None]:
    """The parts of one text, file or folder; None for a file of a folder that is no text."""
    check_kind(item, (str, bytes, os.PathLike), "data", "pass texts, or paths as pathlib.Path")
    if not isinstance(item, os.PathLike):
        if text := as_bytes(item):
            yield Part(text, "text")
        return
    path = Path(item)
    if path.is_dir() and not any(each.is_file() for each in path.rglob("*")):
        raise FormatError(f"{path}: there is no text in this folder, nor any file; name another")
    for shard in find_shards(os.fspath(item), path).shards:
        name = Path(shard.path)
        kind = Path(name.stem).suffix if name.suffix.lower() in _COMPRESSED else name.suffix
        for place, text in enumerate(read_texts(shard, ReadOptions())):
            if place == 0 and b"\0" in text[:_LOOKED_AT]:
                if not Path(item).is_dir():
                    raise FormatError(f"{name}: it is no text: there are zero bytes in it")
                yield None
                break
            yield Part(text, kind.lower() or "no suffix")
