"""Where the tensors of a GGUF file lie, each checked to lie within the file.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from tokkit.errors import FormatError, needs_extra
from tokkit.files.gguf_headers import Cursor, open_header

_MAX_TENSORS = 1 << 20
"""Real files have thousands at most."""
_LONG_ARRAY = 1024
"""Longer metadata arrays are vocabularies, which no configuration is made from."""
_ALIGNMENTS = tuple(1 << k for k in range(21))
_ARCHITECTURE, _ALIGNMENT = "general.architecture", "general.alignment"


def require_gguf(*, extra: str) -> None:
    """See that the package gguf is there, which knows names and dequantises.

    Raises:
        MissingExtraError: it is not installed; `extra` of this project brings it.
    """
    with needs_extra("GGUF files need the package gguf", extra=extra, quote=True):
        import gguf  # noqa: F401  # pyright: ignore[reportUnusedImport, reportMissingTypeStubs]


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies. `shape` is in torch's order; `offset` counts from the file's start."""

    name: str
    shape: tuple[int, ...]
    ggml_type: int
    offset: int
    n_bytes: int


@dataclass(frozen=True)
class GGUFLayout:
    """The header of a GGUF file.

    Attributes:
        path: the file.
        architecture: `general.architecture`.
        tensors: all of them, each checked to lie within the file.
        slim: the bytes of a small GGUF file with the same metadata, long arrays left out, and
            with tensors of the same names and no content.
    """

    path: Path
    architecture: str
    tensors: tuple[StoredTensor, ...]
    slim: bytes


def read_layout(path: Path) -> GGUFLayout:
    """Walk the header of a GGUF file; reads no tensor.

    Raises:
        FormatError: not a GGUF file of version 2 or 3, damaged, or shorter than its tensors need.
        ImportError: the package gguf is missing.
    """
    with open_header(path) as header:
        cursor = header.cursor
        if header.n_tensors > _MAX_TENSORS:
            raise _damaged(cursor, f"it claims {header.n_tensors} tensors")
        values: dict[str, Any] = {}
        kept: list[bytes] = []
        for entry in header.entries((_ARCHITECTURE, _ALIGNMENT).__contains__):
            values[entry.key] = entry.value
            # The slim file has the alignment that is the default.
            named = entry.key.startswith((_ALIGNMENT, "tokenizer.chat_template"))
            if entry.count <= _LONG_ARRAY and not named:
                kept.append(cursor.data[entry.start : entry.stop])
        architecture = values.get(_ARCHITECTURE)
        if not isinstance(architecture, str) or not architecture:
            raise _damaged(cursor, f"it does not name its architecture ({_ARCHITECTURE})")
        alignment = values.get(_ALIGNMENT, 32)
        if alignment not in _ALIGNMENTS:
            raise _damaged(cursor, f"its alignment is {alignment}, expected a power of two")
        table = [_read_tensor(cursor) for _ in range(header.n_tensors)]
        start = -(-cursor.at // alignment) * alignment
        tensors = tuple(_locate(cursor, start, *entry) for entry in table)
    slim = _slim_file(header.version, kept, [tensor.name for tensor in tensors])
    return GGUFLayout(path, architecture, tensors, slim)


def _damaged(cursor: Cursor, what: str) -> FormatError:
    return FormatError(
        f"{cursor.where}: damaged or truncated GGUF file: {what}; fetch the file again"
    )


def _read_tensor(cursor: Cursor) -> tuple[str, tuple[int, ...], int, int]:
    name = cursor.string().decode("utf-8", "replace")
    n_dims = cursor.u32()
    if not 1 <= n_dims <= 8:
        raise _damaged(cursor, f"tensor {name!r} has {n_dims} dimensions")
    dims = [cursor.u64() for _ in range(n_dims)]
    return name, tuple(reversed(dims)), cursor.u32(), cursor.u64()


def _locate(
    cursor: Cursor, start: int, name: str, shape: tuple[int, ...], ggml_type: int, offset: int
) -> StoredTensor:
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(ggml_type)]
    except (ValueError, KeyError):
        raise _damaged(cursor, f"tensor {name!r} is of the unknown type {ggml_type}") from None
    if 0 in shape or shape[-1] % block:
        raise _damaged(cursor, f"tensor {name!r} has shape {shape}, its rows in blocks of {block}")
    n_bytes, end = prod(shape) // block * block_bytes, len(cursor.data)
    if start + offset + n_bytes > end:
        raise _damaged(
            cursor, f"tensor {name!r} ends at byte {start + offset + n_bytes}, the file at {end}"
        )
    return StoredTensor(name, shape, ggml_type, start + offset, n_bytes)


def _slim_file(version: int, entries: Sequence[bytes], names: Sequence[str]) -> bytes:
    """A GGUF file with these metadata, whose tensors are each the same lone float."""
    header = b"GGUF" + struct.pack("<IQQ", version, len(names), len(entries)) + b"".join(entries)
    for name in map(str.encode, names):
        header += struct.pack("<Q", len(name)) + name + struct.pack("<IQIQ", 1, 1, 0, 0)
    return header + bytes(-len(header) % 32 + 32)
