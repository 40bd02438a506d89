"""The embedding matrices in a model's files, read in chunks of rows, without torch.

Formats: safetensors (https://huggingface.co/docs/safetensors, the header is an 8-byte length and
JSON), one file or a folder of them, with or without an index; and GGUF, by the layout of
`tokkit.bytelm.token_models.transformers.gguf_weights`, dequantised with gguf's own routines. Files
are mapped, so only what is looked at is read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, MissingExtraError, UnsupportedError
from tokkit.files.packaged import PACKAGED
from tokkit.files.sources import locate

_INPUT = (
    *("embed_tokens.weight", "token_embd.weight", "wte.weight", "word_embeddings.weight"),
    *("embed_in.weight", "tok_embeddings.weight", "tokens_embed.weight"),
)
_OUTPUT = ("lm_head.weight", "output.weight", "embed_out.weight")
_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),  # numpy has no bfloat16: the upper half of a float32
    "F64": np.dtype("<f8"),
}
_MAX_HEADER = 100_000_000
"""Bytes; the safetensors library refuses longer ones too."""
_MAX_COLUMNS = 1 << 17


class Matrix(Protocol):
    """A matrix of one row for each id."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        ...

    def rows(self, ids: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Some rows, (n, columns), a copy."""
        ...


@dataclass(frozen=True, eq=False)
class Embeddings:
    """The matrices of a model.

    Attributes:
        inputs: what the model reads, a row for each id.
        outputs: what its logits are made with; None if they are made with `inputs` ("tied").
    """

    inputs: Matrix
    outputs: Matrix | None


class ArrayMatrix:
    """A matrix in memory or in a mapped file; of integers, each is half of a float32 (bfloat16)."""

    def __init__(self, values: NDArray[Any]) -> None:
        self._values = values
        self.shape: tuple[int, int] = (values.shape[0], values.shape[1])

    def rows(self, ids: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Some rows, (n, columns), a copy."""
        chosen = np.asarray(self._values[ids])
        if chosen.dtype.kind == "u":
            return (chosen.astype(np.uint32) << 16).view(np.float32)
        return chosen.astype(np.float32)


class _QuantizedMatrix:
    """A matrix of a GGUF file, a row of blocks for each id."""

    def __init__(self, raw: NDArray[np.uint8], shape: tuple[int, int], ggml_type: int) -> None:
        self._raw, self.shape, self._type = raw, shape, ggml_type

    def rows(self, ids: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        from gguf.constants import GGMLQuantizationType
        from gguf.quants import dequantize

        raw = np.array(self._raw[ids])
        return np.array(dequantize(raw, GGMLQuantizationType(self._type)), dtype=np.float32)


def open_embeddings(path: Path) -> Embeddings:
    """Find the matrices; reads headers only.

    Args:
        path: a safetensors file, a folder of them, a GGUF file, or the name of a packaged model
            ("smollm2", "gemma3").

    Raises:
        FormatError: missing or damaged files, or no embedding matrix in them.
        UnsupportedError: the matrix is of a type that is not read here.
        MissingExtraError: the packaged model, or the package gguf, is not installed.
    """
    try:
        path = locate(path, ("*.safetensors", "*.json"))
    except FormatError as error:
        raise FormatError(f"the embeddings cannot be read: {error}") from error
    try:
        if path.is_dir():
            return _from_safetensors(path, sorted(path.glob("*.safetensors")))
        with path.open("rb") as file:
            magic = file.read(4)
        if magic == b"GGUF":
            return _from_gguf(path)
        return _from_safetensors(path, [path])
    except OSError as error:
        raise FormatError(
            f"{path}: cannot be read ({error.strerror or error}); expected a .safetensors file, a "
            f"folder of them, a .gguf file, or a packaged model ({', '.join(PACKAGED)})"
        ) from error


def _from_safetensors(path: Path, files: list[Path]) -> Embeddings:
    found: dict[str, Matrix] = {}
    for file in files:
        header, start = _read_header(file)
        for name, entry in header.items():
            if name.endswith((*_INPUT, *_OUTPUT)):
                found[name] = _stored_matrix(file, start, name, entry)
    return _choose(path, found)


def _read_header(file: Path) -> tuple[dict[str, Any], int]:
    """The entries by tensor name, and where the data begin."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        prefix = stream.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
        if length > min(size - 8, _MAX_HEADER):
            raise FormatError(
                f"{file}: not a safetensors file, or truncated: its {size} bytes cannot hold a "
                f"header of {length} bytes; fetch the file again"
            )
        raw = stream.read(length)
    try:
        header: object = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{file}: damaged safetensors header: {error}") from error
    if not isinstance(header, dict):
        raise FormatError(f"{file}: damaged safetensors header: expected an object")
    return cast("dict[str, Any]", header), 8 + length


def _stored_matrix(file: Path, start: int, name: str, entry: Any) -> Matrix:
    try:
        kind, shape = str(entry["dtype"]), tuple(int(n) for n in entry["shape"])
        first, last = (int(n) for n in entry["data_offsets"])
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise FormatError(f"{file}: damaged entry of tensor {name!r}: {error!r}") from error
    dtype = _DTYPES.get(kind)
    if dtype is None:
        raise UnsupportedError(
            f"{file}: {name!r} is of type {kind}, read here are {', '.join(_DTYPES)}; give the "
            "files of the model before it was quantised"
        )
    _check_shape(file, name, shape)
    room = file.stat().st_size - start
    if not 0 <= first <= last <= room or last - first != prod(shape) * dtype.itemsize:
        raise FormatError(
            f"{file}: damaged or truncated: {name!r} of shape {shape} and type {kind} lies at "
            f"bytes {first} to {last} of {room}; fetch the file again"
        )
    mapped = np.memmap(file, dtype=dtype, mode="r", offset=start + first, shape=shape)
    return ArrayMatrix(mapped)


def _check_shape(file: Path, name: str, shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or min(shape) < 1 or shape[1] > _MAX_COLUMNS:
        raise FormatError(
            f"{file}: {name!r} has shape {shape}, expected a row for each id and at most "
            f"{_MAX_COLUMNS} columns"
        )


def _from_gguf(path: Path) -> Embeddings:
    try:
        import gguf  # noqa: F401  # pyright: ignore[reportUnusedImport, reportMissingTypeStubs]
    except ImportError as error:
        raise MissingExtraError(
            f"GGUF files need the package gguf ({error})", extra="hf"
        ) from error
    from tokkit.bytelm.token_models.transformers.gguf_weights import read_layout

    data: NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r")
    found: dict[str, Matrix] = {}
    for tensor in read_layout(path).tensors:
        if tensor.name in (*_INPUT, *_OUTPUT):
            _check_shape(path, tensor.name, tensor.shape)
            raw = data[tensor.offset : tensor.offset + tensor.n_bytes].reshape(tensor.shape[0], -1)
            shape = (tensor.shape[0], tensor.shape[1])
            matrix = found[tensor.name] = _QuantizedMatrix(raw, shape, tensor.ggml_type)
            _check_type(path, tensor.name, matrix)
    return _choose(path, found)


def _check_type(path: Path, name: str, matrix: Matrix) -> None:
    try:
        matrix.rows(slice(0, 1))
    except NotImplementedError as error:
        raise UnsupportedError(
            f"{path}: {name!r} is of a type that the package gguf does not read: {error}; give "
            "weights quantised in another way"
        ) from error


def _choose(path: Path, found: Mapping[str, Matrix]) -> Embeddings:
    """The matrices by name, and whether they are tied: no head, or one that is a copy."""
    inputs = _first(found, _INPUT)
    if inputs is None:
        raise FormatError(
            f"{path}: no embedding matrix; expected a tensor named as {', '.join(_INPUT[:3])}"
        )
    n_rows = inputs.shape[0]
    fitting = {name: matrix for name, matrix in found.items() if matrix.shape[0] == n_rows}
    outputs = _first(fitting, _OUTPUT)
    if outputs is not None:
        some = np.unique(np.linspace(0, n_rows - 1, min(64, n_rows)).astype(np.int64))
        if np.array_equal(inputs.rows(some), outputs.rows(some)):
            outputs = None
    return Embeddings(inputs, outputs)


def _first(found: Mapping[str, Matrix], endings: tuple[str, ...]) -> Matrix | None:
    """By the first ending that any name has; of several names, the shortest."""
    for ending in endings:
        names = [name for name in found if name == ending or name.endswith("." + ending)]
        if names:
            return found[min(names, key=lambda name: (len(name), name))]
    return None
