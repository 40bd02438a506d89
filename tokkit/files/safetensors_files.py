"""safetensors files: the entries of their headers, arrays mapped from them, and equal files.

Format: https://huggingface.co/docs/safetensors: the length of the header (8 bytes), the header
(JSON), the data. Every length is checked against the file.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.json_text import parse_json, want_object
from tokkit.files.reading import refuse_lfs_pointer

_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),  # numpy has no bfloat16: the upper half of a float32
    "F64": np.dtype("<f8"),
}
_METADATA = "__metadata__"
_MAX_HEADER = 100_000_000
"""Bytes; the safetensors library refuses longer ones too."""


def with_sorted_metadata(data: bytes) -> bytes:
    """A file with its metadata in the order of their keys.

    The library writes them in an order that differs from run to run, where there are several: equal
    models would not give equal files.

    Args:
        data: a whole file, just written by the library.
    """
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop(_METADATA, None)
    if metadata is not None:
        header = {_METADATA: dict(sorted(metadata.items())), **header}
    written = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    written += b" " * (-len(written) % 8)
    return len(written).to_bytes(8, "little") + written + data[8 + length :]


class SafetensorsFile:
    """A file whose header has been read.

    Attributes:
        path: the file.
        entries: by the name of a tensor, as they stand in the header.
    """

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            FormatError: not a safetensors file, truncated, or damaged.
            OSError: it cannot be read.
        """
        self.path = path
        self._size = path.stat().st_size
        with path.open("rb") as stream:
            prefix = stream.read(8)
            length = int.from_bytes(prefix, "little") if len(prefix) == 8 else self._size
            if length > min(self._size - 8, _MAX_HEADER):
                refuse_lfs_pointer(prefix + stream.read(1024), str(path))
                raise FormatError(
                    f"{path}: not a safetensors file, or truncated: its {self._size} bytes cannot "
                    f"hold a header of {length} bytes; fetch the file again"
                )
            where = f"{path}: header"
            self.entries = want_object(parse_json(stream.read(length), where), where)
        self._start = 8 + length

    def array(self, name: str) -> NDArray[Any]:
        """A tensor, mapped; of uint16 if its type is BF16, each the upper half of a float32.

        Raises:
            FormatError: its entry is damaged, or the file is truncated.
            UnsupportedError: its type is none that is read here.
        """
        kind, shape, first, last = self._entry(name)
        dtype = _DTYPES.get(kind)
        if dtype is None:
            raise UnsupportedError(
                f"{self.path}: {name!r} is of type {kind}, read here are {', '.join(_DTYPES)}; "
                "give the files of the model before it was quantised"
            )
        room = self._size - self._start
        n_bytes = prod(shape) * dtype.itemsize
        if min(shape, default=0) < 1 or not 0 <= first <= last <= room or last - first != n_bytes:
            raise FormatError(
                f"{self.path}: damaged or truncated: {name!r} of shape {shape} and type {kind} "
                f"lies at bytes {first} to {last} of {room}; fetch the file again"
            )
        offset = self._start + first
        return np.memmap(self.path, dtype=dtype, mode="r", offset=offset, shape=shape)

    def _entry(self, name: str) -> tuple[str, tuple[int, ...], int, int]:
        entry: Any = self.entries[name]
        try:
            first, last = (int(n) for n in entry["data_offsets"])
            return str(entry["dtype"]), tuple(int(n) for n in entry["shape"]), first, last
        except (TypeError, KeyError, ValueError, OverflowError) as error:
            raise FormatError(
                f"{self.path}: damaged entry of tensor {name!r}: {error!r}"
            ) from error
