"""The embedding matrices in a model's files, read in chunks of rows, without torch.

Formats: safetensors, one file or a folder of them, with or without an index; and GGUF, dequantised
with gguf's own routines. Files are mapped, so only what is looked at is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.gguf_headers import is_gguf
from tokkit.files.gguf_layout import read_layout, require_gguf
from tokkit.files.packaged import PACKAGED
from tokkit.files.safetensors_files import SafetensorsFile
from tokkit.files.sources import locate

_INPUT = (
    *("embed_tokens.weight", "token_embd.weight", "wte.weight", "word_embeddings.weight"),
    *("embed_in.weight", "tok_embeddings.weight", "tokens_embed.weight"),
)
_OUTPUT = ("lm_head.weight", "output.weight", "embed_out.weight")
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


def open_embeddings(path: str | PathLike[str]) -> Embeddings:
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
        if is_gguf(path):
            return _from_gguf(path)
        return _from_safetensors(path, [path])
    except OSError as error:
        raise FormatError(
            f"{path}: cannot be read ({error.strerror or error}); expected a .safetensors file, a "
            f"folder of them, a .gguf file, or a packaged model ({', '.join(PACKAGED)})"
        ) from error


def _from_safetensors(path: Path, files: list[Path]) -> Embeddings:
    found: dict[str, Matrix] = {}
    for file in map(SafetensorsFile, files):
        for name in file.entries:
            if name.endswith((*_INPUT, *_OUTPUT)):
                values = file.array(name)
                _check_shape(file.path, name, values.shape)
                found[name] = ArrayMatrix(values)
    return _choose(path, found)


def _check_shape(file: Path, name: str, shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or min(shape) < 1 or shape[1] > _MAX_COLUMNS:
        raise FormatError(
            f"{file}: {name!r} has shape {shape}, expected a row for each id and at most "
            f"{_MAX_COLUMNS} columns"
        )


def _from_gguf(path: Path) -> Embeddings:
    require_gguf(extra="hf")
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
