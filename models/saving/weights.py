"""Safetensors files of models: what a header says, before anything of it is believed, and tensors.

The library opens a file by a name in UTF-8 alone, so that no folder is begun that has another.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tokkit.arguments import check_path
from tokkit.errors import ArgumentError, FormatError, ModelError

if TYPE_CHECKING:
    import torch

DTYPES = {"F32": "float32", "F64": "float64", "BF16": "bfloat16"}
"""Of the numbers of a model, as headers name them: as torch does."""
_FLOATS = {*DTYPES, "F16"}
_OTHERS = {"torch.bool": "BOOL", "torch.int64": "I64"}


class HasTensors(Protocol):
    """A network, or a model that holds one."""

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Its tensors."""
        ...


class Entry(NamedTuple):
    """What a header says of a tensor.

    Attributes:
        shape: of it.
        dtype: its name, such as `"F32"`.
    """

    shape: tuple[int, ...]
    dtype: str


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """A folder in which weights can be read again.

    Raises:
        ArgumentError: no path, or one of bytes that are no UTF-8.
    """
    path = check_path(folder, "folder")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ArgumentError(
            f"folder is {str(path)!r:.200}, whose name is no UTF-8, and safetensors opens no such "
            "files; take another name"
        ) from None
    return path


def read_header(path: Path) -> tuple[Mapping[str, str], dict[str, Entry]]:
    """Metadata, and the tensors by name.

    Raises:
        ArgumentError: its name is no UTF-8.
        FormatError: it is no safetensors file.
    """
    from safetensors import safe_open

    check_folder(path.parent)
    with _undamaged(path), safe_open(path, framework="pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        found = {
            name: Entry(tuple(each.get_shape()), each.get_dtype()) for name, each in slices.items()
        }
        return file.metadata() or {}, found


def check_tensors(path: Path, found: Mapping[str, Entry], network: HasTensors) -> None:
    """Compare a header with a network, which may have no memory.

    Raises:
        FormatError: other tensors, of other shapes, or that are numbers here and not there.
    """
    wanted = network.state_dict()
    if odd := sorted(found.keys() ^ wanted.keys()):
        raise FormatError(f"{path}: {odd[0]} is in it or in its configuration alone, not in both")
    for name, each in wanted.items():
        shape, dtype = found[name]
        if shape != each.shape:
            raise FormatError(f"{path}: {name} is {shape}, expected {tuple(each.shape)}")
        expected = _FLOATS if each.is_floating_point() else {_OTHERS[str(each.dtype)]}
        if dtype not in expected:
            raise FormatError(
                f"{path}: {name} is of type {dtype}, expected {' or '.join(sorted(expected))}"
            )


def dtype_of(path: Path, found: Mapping[str, Entry]) -> str:
    """The type of all numbers of a file, as torch names it.

    Raises:
        FormatError: several, or one that models do not have.
    """
    numbers = {each.dtype for each in found.values()} & _FLOATS
    if len(numbers) != 1 or not numbers <= DTYPES.keys():
        raise FormatError(
            f"{path}: numbers of types {', '.join(sorted(numbers)) or 'unknown'}, expected one of "
            f"{', '.join(DTYPES)}"
        )
    return DTYPES[numbers.pop()]


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All of a file.

    Raises:
        FormatError: it is no safetensors file.
    """
    from safetensors.torch import load_file

    with _undamaged(path):
        return load_file(path)


def check_finite(path: Path, network: HasTensors) -> None:
    """Look at the numbers of a file in the type that they are used in, which may hold fewer.

    Raises:
        FormatError: one is not finite.
    """
    for name, each in network.state_dict().items():
        if each.is_floating_point() and not bool(each.isfinite().all()):
            raise FormatError(
                f"{path}: {name} holds numbers that are not finite, or too large for {each.dtype}"
            )


def savable_state(network: HasTensors, name: str) -> dict[str, torch.Tensor]:
    """The tensors of a network as a file takes them, where they could be loaded again.

    Args:
        network: it.
        name: of it, for errors.

    Raises:
        ModelError: numbers that are not finite, or of types that a file does not hold.
    """
    state = {key: each.detach().cpu().contiguous() for key, each in network.state_dict().items()}
    numbers = {key: each for key, each in state.items() if each.is_floating_point()}
    kinds = sorted({str(each.dtype).removeprefix("torch.") for each in numbers.values()})
    if len(kinds) != 1 or kinds[0] not in DTYPES.values():
        raise ModelError(
            f"{name} holds numbers of types {', '.join(kinds)}, and a folder those of one of "
            f"{', '.join(DTYPES.values())}; convert it, as by model.float()"
        )
    for key, each in numbers.items():
        if not bool(each.isfinite().all()):
            raise ModelError(f"{name}: {key} holds numbers that are not finite; nothing is written")
    return state


@contextmanager
def _undamaged(path: Path) -> Generator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError) as error:
        raise FormatError(f"{path}: no safetensors file, or damaged ({error})") from error
