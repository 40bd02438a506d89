"""The weights of a GGUF file as tensors of a transformers model, without the vocabulary's detour.

transformers reads a GGUF file by itself, but it walks the vocabulary and the merges in the
metadata string by string, twice, which takes most of the time (Gemma 3: 262,144 tokens). Here the
header is walked once, skipping those lists, every length checked against the file; transformers
is shown a header of a few kilobytes, from which it makes the configuration; and the tensors are
dequantised straight from the mapped file. The tensors' names and the conversions that an
architecture needs are transformers' and gguf's own, so the result is the same, bit for bit.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError

if TYPE_CHECKING:
    import torch  # the layout is of use without it

_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY, _UINT32 = 8, 9, 4
_MAX_COUNT = 1 << 20  # tensors or metadata keys; real files have thousands at most
_LONG_ARRAY = 1024
"""Longer metadata arrays are vocabularies, which no configuration is made from."""


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


class _Cursor:
    """Reads values off the front of mapped bytes; running past the end is a FormatError."""

    def __init__(self, path: Path, data: memoryview) -> None:
        self.path, self.data, self.at = path, data, 0

    def skip(self, n_bytes: int) -> None:
        if n_bytes > len(self.data) - self.at:
            raise self.damaged(f"byte {self.at} promises {n_bytes} more bytes than there are")
        self.at += n_bytes

    def number(self, layout: str) -> int:
        start = self.at
        self.skip(struct.calcsize(layout))
        return int(struct.unpack_from(layout, self.data, start)[0])

    def string(self) -> bytes:
        length = self.number("<Q")
        start = self.at
        self.skip(length)
        return bytes(self.data[start : self.at])

    def skip_value(self, kind: int) -> int:
        """Pass over a metadata value; returns its number of elements if an array, else 1."""
        if kind == _STRING:
            self.skip(self.number("<Q"))
        elif kind == _ARRAY:
            inner, count = self.number("<I"), self.number("<Q")
            if inner == _STRING:
                if count > (len(self.data) - self.at) // 8:
                    raise self.damaged(f"an array of {count} strings does not fit into the file")
                for _ in range(count):
                    self.skip(self.number("<Q"))
            elif inner in _WIDTHS:
                self.skip(count * _WIDTHS[inner])
            else:
                raise self.damaged(f"metadata arrays of type {inner} are unknown")
            return count
        elif kind in _WIDTHS:
            self.skip(_WIDTHS[kind])
        else:
            raise self.damaged(f"metadata of type {kind} is unknown")
        return 1

    def damaged(self, what: str) -> FormatError:
        return FormatError(
            f"{self.path}: damaged or truncated GGUF file: {what}; fetch the file again"
        )


def read_layout(path: Path) -> GGUFLayout:
    """Walk the header of a GGUF file; reads no tensor.

    Raises:
        FormatError: not a GGUF file of version 2 or 3, damaged, or shorter than its tensors need.
        ImportError: the package gguf is missing.
    """
    if path.stat().st_size < 24:
        raise FormatError(f"{path}: {path.stat().st_size} bytes are too few for a GGUF file")
    cursor = _Cursor(path, memoryview(cast(Any, np.memmap(path, dtype=np.uint8, mode="r"))))
    if bytes(cursor.data[:4]) != b"GGUF":
        raise FormatError(f"{path}: not a GGUF file: it starts with {bytes(cursor.data[:4])!r}")
    cursor.skip(4)
    version, n_tensors, n_keys = (cursor.number(kind) for kind in ("<I", "<Q", "<Q"))
    if version not in (2, 3):
        raise FormatError(f"{path}: GGUF version {version}, expected 2 or 3; convert it again")
    if max(n_tensors, n_keys) > _MAX_COUNT:
        raise cursor.damaged(f"it claims {n_tensors} tensors and {n_keys} metadata keys")
    architecture, alignment, kept = _read_metadata(cursor, n_keys)
    table = [_read_tensor(cursor) for _ in range(n_tensors)]
    start = -(-cursor.at // alignment) * alignment
    tensors = tuple(_locate(cursor, start, *entry) for entry in table)
    slim = _slim_file(version, kept, [tensor.name for tensor in tensors])
    return GGUFLayout(path, architecture, tensors, slim)


def _read_metadata(cursor: _Cursor, n_keys: int) -> tuple[str, int, list[bytes]]:
    """The architecture, the alignment, and the raw entries that are short."""
    architecture, alignment, kept = "", 32, list[bytes]()
    for _ in range(n_keys):
        start = cursor.at
        key, kind = cursor.string(), cursor.number("<I")
        value = cursor.at
        count = cursor.skip_value(kind)
        entry = bytes(cursor.data[start : cursor.at])
        if key == b"general.architecture" and kind == _STRING:
            architecture = entry[value - start + 8 :].decode("utf-8", "replace")
        if key == b"general.alignment" and kind == _UINT32:
            alignment = struct.unpack("<I", entry[-4:])[0]
            continue  # the slim file has the default
        if count <= _LONG_ARRAY and not key.startswith(b"tokenizer.chat_template"):
            kept.append(entry)
    if not architecture:
        raise cursor.damaged("it does not name its architecture (general.architecture)")
    if alignment < 1 or alignment > 1 << 20 or alignment & (alignment - 1):
        raise cursor.damaged(f"its alignment is {alignment}, expected a power of two")
    return architecture, alignment, kept


def _read_tensor(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    name = cursor.string().decode("utf-8", "replace")
    n_dims = cursor.number("<I")
    if not 1 <= n_dims <= 8:
        raise cursor.damaged(f"tensor {name!r} has {n_dims} dimensions")
    dims = [cursor.number("<Q") for _ in range(n_dims)]
    return name, tuple(reversed(dims)), cursor.number("<I"), cursor.number("<Q")


def _locate(
    cursor: _Cursor, start: int, name: str, shape: tuple[int, ...], ggml_type: int, offset: int
) -> StoredTensor:
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(ggml_type)]
    except (ValueError, KeyError):
        raise cursor.damaged(f"tensor {name!r} is of the unknown type {ggml_type}") from None
    if 0 in shape or shape[-1] % block:
        raise cursor.damaged(f"tensor {name!r} has shape {shape}, its rows in blocks of {block}")
    n_bytes, end = prod(shape) // block * block_bytes, len(cursor.data)
    if start + offset + n_bytes > end:
        raise cursor.damaged(
            f"tensor {name!r} ends at byte {start + offset + n_bytes}, the file at {end}"
        )
    return StoredTensor(name, shape, ggml_type, start + offset, n_bytes)


def _slim_file(version: int, entries: Sequence[bytes], names: Sequence[str]) -> bytes:
    """A GGUF file with these metadata, whose tensors are each the same lone float."""
    header = b"GGUF" + struct.pack("<IQQ", version, len(names), len(entries)) + b"".join(entries)
    for name in map(str.encode, names):
        header += struct.pack("<Q", len(name)) + name + struct.pack("<IQIQ", 1, 1, 0, 0)
    return header + bytes(-len(header) % 32 + 32)


def iter_weights(
    layout: GGUFLayout, model: Any, *, dtype: torch.dtype
) -> Iterator[tuple[str, torch.Tensor]] | None:
    """The weights for `model`, dequantised one at a time.

    Args:
        layout: the file.
        model: a transformers model of the file's configuration; only its names are used, so it
            may lie on the meta device.
        dtype: what to convert each tensor to.

    Returns:
        Pairs of a name in `model.state_dict()` and its tensor, or None if some weight of the
        model has no counterpart of a kind known here; transformers' own reader must do it then.
    """
    names = _parameter_names(layout, model)
    processor = _processor(layout.architecture, model.config)
    if names is None or processor is None:
        return None
    return _converted(layout, names, processor, dtype)


def _converted(
    layout: GGUFLayout, names: dict[str, str], processor: Any, dtype: torch.dtype
) -> Iterator[tuple[str, torch.Tensor]]:
    import torch
    from gguf.constants import GGMLQuantizationType
    from gguf.quants import dequantize

    data: NDArray[np.uint8] = np.memmap(layout.path, dtype=np.uint8, mode="r")
    for tensor in layout.tensors:
        if tensor.name not in names:
            continue
        raw = data[tensor.offset : tensor.offset + tensor.n_bytes].reshape(*tensor.shape[:-1], -1)
        values = dequantize(np.asarray(raw), GGMLQuantizationType(tensor.ggml_type))
        values = processor.process(weights=values, name=tensor.name).weights
        copy = np.array(values, dtype=np.float32)  # never a view of the file
        yield names[tensor.name], torch.from_numpy(copy).to(dtype)


def _parameter_names(layout: GGUFLayout, model: Any) -> dict[str, str] | None:
    """GGUF name -> transformers name, or None if not every weight of the model has one."""
    import gguf

    arch = next((a for a, n in gguf.MODEL_ARCH_NAMES.items() if n == layout.architecture), None)
    if arch is None:
        return None
    table = gguf.get_tensor_name_map(arch, model.config.num_hidden_layers)
    present = {tensor.name for tensor in layout.tensors}
    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    names: dict[str, str] = {}
    for key in model.state_dict():
        stem, dot, suffix = key.rpartition(".")
        name = table.get_name(stem)
        if name is not None and name + dot + suffix in present:
            names[name + dot + suffix] = key
        elif key not in tied:
            return None
    return names


def _processor(architecture: str, config: Any) -> Any:
    """The converter of transformers for an architecture, if it takes tensors one by one."""
    try:
        from transformers.modeling_gguf_pytorch_utils import (
            TENSOR_PROCESSORS,
            Gemma2TensorProcessor,
            LlamaTensorProcessor,
            TensorProcessor,
        )
    except ImportError:  # these are no public names of transformers
        return None
    kind = TENSOR_PROCESSORS.get(architecture, TensorProcessor)
    if kind not in (TensorProcessor, LlamaTensorProcessor, Gemma2TensorProcessor):
        return None
    return kind(config=config.to_dict())
