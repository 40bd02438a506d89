"""`read_release`: a published checkpoint, from its file or its folder."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tokkit.arguments import check_path
from tokkit.errors import FormatError, refused_by_system
from tokkit.files.json_text import parse_json, want_object
from tokkit.files.reading import read_bounded
from tokkit.files.safetensors_files import SafetensorsFile
from tokkit.models.flextok.release.encoder import ReleasedFlexTok
from tokkit.models.flextok.release.layout import ReleasedEncoder, read_layout
from tokkit.quantize.finite_scalar import FiniteScalarQuantizer

_CONFIG, _WEIGHTS = "config.json", "model.safetensors"
_MOST_CONFIG_BYTES = 1 << 16
_PREFIX = "encoder.module_dict"
_BLOCK = ("attn.wq", "attn.wk", "attn.wv", "attn.proj", "mlp.fc1", "mlp.fc2", "mlp.fc3")


def read_release(source: str | os.PathLike[str]) -> ReleasedFlexTok:
    """Read the encoder of a published FlexTok; its other parts are left where they are.

    Args:
        source: a safetensors file whose metadata hold the configuration, or a folder of
            `config.json` and `model.safetensors`, as the hub has them.

    Raises:
        ArgumentError: no path.
        FormatError: nothing there, damaged, or no FlexTok.
        UnsupportedError: an encoder of another make than the release's.
    """
    path = check_path(source, "source", "give a file or a folder")
    weights = path / _WEIGHTS if path.is_dir() else path
    with refused_by_system(f"read {str(weights)!r}"):
        file = SafetensorsFile(weights)
        config = _of_folder(path) if path.is_dir() else _of_metadata(file)
        layout = read_layout(config)
        tensors = _tensors(file, layout)
    with torch.device("meta"):  # takes no memory beside the tensors
        model = ReleasedFlexTok(layout)
    model.quantizer = FiniteScalarQuantizer(layout.levels)
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def _of_folder(folder: Path) -> Mapping[str, Any]:
    path = folder / _CONFIG
    where = str(path)
    found = want_object(parse_json(read_bounded(path, limit=_MOST_CONFIG_BYTES), where), where)
    return want_object(found.get("config", found), f"{where}.config")


def _of_metadata(file: SafetensorsFile) -> Mapping[str, Any]:
    """Values of the metadata are Python literals, as the release writes them."""
    where = f"{file.path}: metadata"
    metadata = want_object(file.entries.get("__metadata__", {}), where)
    found: dict[str, Any] = {}
    for key in ("encoder", "regularizer"):
        text = metadata.get(key)
        if not isinstance(text, str):
            raise FormatError(f"{where} have no {key}; give the folder with {_CONFIG}")
        if len(text) > _MOST_CONFIG_BYTES:
            raise FormatError(f"{where}: {key} has {len(text):,} characters, expected fewer")
        try:
            found[key] = ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            raise FormatError(f"{where}: {key} is no literal of Python ({error})") from error
    return found


def _tensors(file: SafetensorsFile, layout: ReleasedEncoder) -> dict[str, torch.Tensor]:
    """By their names in `ReleasedFlexTok`; every tensor of an encoder has a place."""
    _, patches, places, registers, _, trunk, _, head = (
        f"{_PREFIX}.{name}" for name in layout.names
    )
    width, n_levels = layout.width, len(layout.levels)
    numbers = layout.channels * layout.patch**2
    wanted: dict[str, tuple[str, tuple[int, ...]]] = {
        f"{patches}.patch_proj.weight": ("patch_proj.weight", (width, numbers)),
        f"{patches}.patch_proj.bias": ("patch_proj.bias", (width,)),
        f"{places}.posembs": ("posembs", (1, width, *layout.sides)),
        f"{registers}.registers": ("registers", (layout.n_tokens, width)),
        f"{head}.proj.weight": ("proj.weight", (n_levels, width)),
        f"{head}.proj.bias": ("proj.bias", (n_levels,)),
    }
    sizes = {"mlp.fc1": (layout.hidden, width), "mlp.fc2": (width, layout.hidden)}
    sizes["mlp.fc3"] = sizes["mlp.fc1"]
    for block in range(layout.depth):
        for part in _BLOCK:
            own = f"blocks.{block}.{part}.weight"
            wanted[f"{trunk}.{own}"] = (own, sizes.get(part, (width, width)))
    given = {name for name in file.entries if name.startswith("encoder.")}
    if odd := sorted(given ^ wanted.keys()):
        raise FormatError(
            f"{file.path}: {odd[0]!r:.120} is in the file or in its configuration alone, not in "
            "both"
        )
    found: dict[str, torch.Tensor] = {}
    for name, (own, shape) in wanted.items():
        array = file.array(name)
        if array.shape != shape:
            raise FormatError(f"{file.path}: {name} is {array.shape}, expected {shape}")
        if array.dtype == np.uint16:  # the upper halves of float32
            array = (array.astype(np.uint32) << 16).view(np.float32)
        values = np.array(array, np.float32)
        if not np.isfinite(values).all():
            raise FormatError(f"{file.path}: {name} holds numbers that are not finite")
        found[own] = torch.from_numpy(values)
    return found
