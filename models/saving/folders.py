"""A model as a folder: `config.json`, `model.safetensors`, and `tokkit.json` with its kind.

The weights bear the configuration that they were saved with, so that files of two models that were
mixed up, or of which one was not written, are told apart. Before a network is built, the shapes
that its configuration asks for are compared with the header of the file: a hostile configuration
can ask for no more memory than the file holds.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

import torch

from tokkit.arguments import check_choice, check_path
from tokkit.errors import FormatError, refused_by_system
from tokkit.files.json_text import parse_json, want_object
from tokkit.files.reading import read_bounded
from tokkit.files.registry import write_kind
from tokkit.files.safetensors_files import with_sorted_metadata
from tokkit.files.writing import whole_file
from tokkit.models.saving.configs import Config, config_from_dict, config_to_dict
from tokkit.models.saving.weights import (
    DTYPES,
    check_finite,
    check_folder,
    check_tensors,
    dtype_of,
    read_header,
    read_tensors,
    savable_state,
)

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
_CONFIG_KEY, _PARTS_KEY = "config", "parts"
_MOST_CONFIG_BYTES = 1 << 20
_NAMES: dict[str, torch.dtype] = {each: getattr(torch, each) for each in DTYPES.values()}


class Saved(Protocol):
    """What saving needs of a model; see `tokkit.models.saving.in_folder`."""

    kind: ClassVar[str]
    config_class: ClassVar[type[Config]]
    config: Any
    name: str

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Its tensors."""
        ...

    def save_parts(self, folder: Path) -> Sequence[str]:
        """Write what else belongs to it; the names of the files."""
        ...

    @classmethod
    def build(cls, config: Any, folder: Path) -> Self:
        """A model of a configuration, with what `save_parts` wrote."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, torch.Tensor]) -> Any:
        """Take tensors."""
        ...

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The model on another device, or of another dtype."""
        ...

    def eval(self) -> Self:
        """The model in its evaluation mode."""
        ...


ModelT = TypeVar("ModelT", bound=Saved)


def save_model(model: Saved, folder: str | os.PathLike[str]) -> None:
    """Write a model's files, each whole, the one that names the kind last.

    Raises:
        ArgumentError: no path, or one whose name is no UTF-8.
        FormatError: the folder cannot be written to.
        ModelError: it could not be loaded again: numbers that are not finite, or of other types
            than float32, float64 or bfloat16, or of several.
    """
    from safetensors.torch import save

    path = check_folder(folder)
    state = savable_state(model, model.name)
    config = config_to_dict(model.config)
    with refused_by_system(f"write a model to {str(path)!r}"):
        path.mkdir(parents=True, exist_ok=True)
        parts = {name: _hash(path / name) for name in model.save_parts(path)}
        metadata = {_CONFIG_KEY: _canonical(config), _PARTS_KEY: json.dumps(parts)}
        weights = with_sorted_metadata(save(state, metadata=metadata))
        with whole_file(path / WEIGHTS) as stream:
            stream.write(weights)
        with whole_file(path / CONFIG) as stream:
            stream.write(json.dumps(config, indent=2).encode() + b"\n")
        write_kind(path, model.kind)


def load_model(
    kind: type[ModelT],
    folder: str | os.PathLike[str],
    *,
    dtype: str | None,
    device: str | None,
) -> ModelT:
    """Read what `save_model` wrote; see `InFolder.load`. The model bears the folder's name.

    Raises:
        ArgumentError: no path, an unknown dtype, or a device that cannot be used.
        FormatError: a file is missing or damaged, or they do not belong together.
    """
    check_choice("dtype", dtype, [*_NAMES, None])
    place = _device(device)
    path = check_path(folder, "folder")
    with _as_saved_together(kind, path):
        config = _read_config(kind, path)
        saved = _check_header(kind, config, path)
        with torch.random.fork_rng([]):  # what is drawn is written over
            model = kind.build(config, path).to(saved)
        model.load_state_dict(read_tensors(path / WEIGHTS))
    model.name = path.resolve().name
    model = model.to(device=place, dtype=saved if dtype is None else _NAMES[dtype])
    check_finite(path / WEIGHTS, model)
    return model.eval()


@contextmanager
def _as_saved_together(kind: type[Saved], path: Path) -> Generator[None]:
    """Say of files that are missing, damaged, or do not fit each other what they should be."""
    try:
        yield
    except FormatError as error:
        raise FormatError(
            f"{error}; {path} should hold a {kind.kind}: restore all files of it, which were saved "
            "together"
        ) from error


def _read_config(kind: type[Saved], path: Path) -> Any:
    where = str(path / CONFIG)
    data = parse_json(read_bounded(path / CONFIG, limit=_MOST_CONFIG_BYTES), where)
    return config_from_dict(kind.config_class, want_object(data, where), where)


def _canonical(config: Mapping[str, Any]) -> str:
    return json.dumps(config, sort_keys=True)


def _device(name: str | None) -> torch.device:
    from tokkit.bytelm.token_models.transformers.loading import checked_device

    return torch.device("cpu") if name is None else checked_device(torch, name)


def _check_header(kind: type[Saved], config: Any, path: Path) -> torch.dtype:
    """Compare the file's header with a network that has no memory, and find its dtype.

    Raises:
        ArgumentError: the folder's name is no UTF-8.
        FormatError: they do not fit each other.
    """
    weights = path / WEIGHTS
    if not weights.is_file():
        raise FormatError(f"{weights} is missing")
    metadata, found = read_header(weights)
    # Not word for word: a field that came later has its default.
    where = f"{weights}: metadata"
    of_weights = want_object(parse_json(metadata.get(_CONFIG_KEY, "null").encode(), where), where)
    if config_from_dict(kind.config_class, of_weights, where) != config:
        raise FormatError(
            f"{weights}: was saved with another configuration than the {CONFIG} beside it"
        )
    _check_parts(path, metadata)
    with torch.device("meta"):
        network = kind.build(config, path)
    check_tensors(weights, found, network)
    return getattr(torch, dtype_of(weights, found))


def _check_parts(path: Path, metadata: Mapping[str, str]) -> None:
    """Refuse parts, such as a tokenizer, that are not those that the weights were saved with."""
    where = f"{path / WEIGHTS}: metadata"
    parts = want_object(parse_json(metadata.get(_PARTS_KEY, "").encode(), where), where)
    for name, expected in parts.items():
        if "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise FormatError(f"{where}: {name!r} is no file of the folder")
        if _hash(path / name) != expected:
            raise FormatError(f"{path / name}: not the file that {WEIGHTS} was saved with")


def _hash(path: Path) -> str:
    return hashlib.sha256(read_bounded(path)).hexdigest()
