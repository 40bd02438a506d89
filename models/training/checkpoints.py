"""The state of a training in one file that is there whole or not at all.

A safetensors file: trained parameters, buffers and the optimiser's moments as tensors, and all
else (steps, seconds, what the training is) as JSON in its metadata. One file, because two cannot
take the place of two others in one moment. Nothing is pickled. Parameters that are not trained are
left out: whoever resumes has built the same model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokkit.errors import ArgumentError, FormatError, ModelError, refused_by_system
from tokkit.files.json_text import parse_json, want_index, want_number, want_object
from tokkit.files.registry import MANIFEST
from tokkit.files.writing import whole_file
from tokkit.models.saving.weights import read_header, read_tensors
from tokkit.models.training.optimizers import Optimizers, trained_parameters

if TYPE_CHECKING:
    import torch

CHECKPOINT = "checkpoint.safetensors"
_OF_MODELS = (MANIFEST, "config.json", "model.safetensors")
_STATE = "training"
_MODEL, _OPTIMIZER = "model.", "optimizer."
_KIND = "kind"
_MOST_STEPS = 1 << 53
_OPTIONS, _ONCE = "options", {"optimizer": "adamw"}
"""What was so for all before there was an option, which an older checkpoint does not tell."""
_TOLD_LATER = ("tokenizer", "windows_at_once", "factors")
"""What an older checkpoint does not tell either, and was not the same for all."""


@dataclass(frozen=True)
class Position:
    """Where a training is.

    Attributes:
        step: updates made.
        seconds: spent on them.
        n_records: told so far.
    """

    step: int = 0
    seconds: float = 0.0
    n_records: int = 0


def save_checkpoint(
    folder: Path,
    model: torch.nn.Module,
    optimizer: Optimizers,
    position: Position,
    identity: Mapping[str, Any],
) -> None:
    """Write the state of a training in place of the one before.

    Args:
        folder: there already.
        model: whose trained parameters and buffers are kept.
        optimizer: over them.
        position: of the training.
        identity: JSON of what a resumed training must be equal in.

    Raises:
        FormatError: the file cannot be written.
    """
    from safetensors.torch import save

    tensors = {_MODEL + name: each for name, each in _kept(model).items()}
    numbers: dict[str, Any] = {}
    for index, values in optimizer.state().items():
        for key, value in values.items():
            name = f"{_OPTIMIZER}{index}.{key}"
            if hasattr(value, "untyped_storage"):
                tensors[name] = value
            else:
                numbers[name] = value
    state = {
        "step": position.step,
        "seconds": position.seconds,
        "n_records": position.n_records,
        "optimizer": numbers,
        "identity": identity,
    }
    whole = {name: each.detach().cpu().contiguous() for name, each in tensors.items()}
    data = save(whole, metadata={_STATE: json.dumps(state)})
    path = folder / CHECKPOINT
    with refused_by_system(f"write {str(path)!r}"), whole_file(path) as stream:
        stream.write(data)


def load_checkpoint(
    folder: Path,
    model: torch.nn.Module,
    optimizer: Optimizers,
    identity: Mapping[str, Any],
) -> Position | None:
    """Bring a model and its optimiser to where a folder has them; None where it has no checkpoint.

    Raises:
        FormatError: the file is damaged, or holds what no training writes.
        ModelError: it is of another training, or of a model of other shapes or types.
    """
    import torch

    path = folder / CHECKPOINT
    if not path.exists():
        return None
    metadata, _ = read_header(path)
    tensors = read_tensors(path)
    if _STATE not in metadata:
        raise FormatError(f"{path}: a safetensors file, but not the checkpoint of a training")
    where = f"{path}: metadata"
    state = want_object(parse_json(metadata[_STATE].encode(), where), where)
    _check_identity(path, want_object(state.get("identity"), where), identity)
    position = Position(
        want_index(state.get("step"), f"{where}: step", _MOST_STEPS),
        want_number(state.get("seconds"), f"{where}: seconds"),
        want_index(state.get("n_records"), f"{where}: n_records", _MOST_STEPS),
    )
    if position.seconds < 0:
        raise FormatError(f"{where}: seconds is {position.seconds}; expected 0 or more")
    numbers = want_object(state.get("optimizer"), where)
    kept = _kept(model)
    _check_fits(path, kept, tensors)
    _restore(path, optimizer, {**numbers, **tensors}, begun=position.step > 0)
    with torch.no_grad():
        for name, each in kept.items():
            each.copy_(tensors[_MODEL + name])
    return position


def _kept(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Trained parameters, and the buffers that belong to the state of the model."""
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    buffers = {name: each for name, each in model.state_dict().items() if name not in parameters}
    return {**{name: each.data for name, each in trained_parameters(model).items()}, **buffers}


def refuse_other_model(folder: Path) -> None:
    """Refuse a folder without a checkpoint that holds a model: it would be written over.

    Raises:
        ArgumentError: it does.
    """
    if (folder / CHECKPOINT).exists():
        return
    for name in _OF_MODELS:
        if (folder / name).exists():
            raise ArgumentError(
                f"{str(folder)!r} holds {name} and no checkpoint of a training; give a folder of "
                "its own for this one"
            )


def _check_identity(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    wanted = json.loads(json.dumps(wanted))  # tuples are lists there
    if isinstance(options := found.get(_OPTIONS), dict):
        found = {**found, _OPTIONS: {**_ONCE, **options}}
    untold = {name: wanted[name] for name in _TOLD_LATER if name in wanted}
    found = {**untold, **found}
    if found != wanted:
        name, its, ours = _difference(found, wanted)
        if _is_fingerprint(its) and _is_fingerprint(ours):
            raise ModelError(
                f"{path}: of another training: it learned from other {name} than those given, or "
                "from other parts of them; go on with the same, or begin in a new folder"
            )
        raise ModelError(
            f"{path}: of another training: its {name} is {its!r:.80}, here it is {ours!r:.80}; go "
            "on with the same, or begin in a new folder"
        )


def _is_fingerprint(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _difference(
    found: Mapping[str, Any], wanted: Mapping[str, Any], before: str = ""
) -> tuple[str, Any, Any]:
    """The first field in which two configurations differ, by its path, and both values."""
    # The kind first: fields of its configuration mean nothing beside those of another.
    for name in sorted(found.keys() | wanted.keys(), key=lambda name: (name != _KIND, name)):
        its, ours = found.get(name), wanted.get(name)
        if isinstance(its, dict) and isinstance(ours, dict) and its != ours:
            return _difference(its, ours, f"{before}{name}.")
        if its != ours:
            return before + name, its, ours
    raise AssertionError("they are equal")


def _check_fits(
    path: Path, kept: Mapping[str, torch.Tensor], tensors: Mapping[str, torch.Tensor]
) -> None:
    """Compare what is kept of a model with what a file has of one.

    Raises:
        FormatError: numbers that are not finite.
        ModelError: other names, shapes or types.
    """
    found = {name.removeprefix(_MODEL) for name in tensors if name.startswith(_MODEL)}
    if found != set(kept):
        names = ", ".join(sorted(found ^ set(kept))[:4])
        raise ModelError(f"{path}: of another model: {names} are in one of them alone")
    for name, each in kept.items():
        saved = tensors[_MODEL + name]
        its, ours = ((tuple(one.shape), one.dtype) for one in (saved, each))
        if its != ours:
            same = its[0] == ours[0]
            raise ModelError(
                f"{path}: of another model: {name} is {its[same]}, here it is {ours[same]}"
            )
        if not bool(saved.isfinite().all()):
            raise FormatError(
                f"{path}: {name} holds numbers that are not finite; begin in a new folder"
            )


def _restore(path: Path, optimizer: Optimizers, values: Mapping[str, Any], *, begun: bool) -> None:
    state: dict[int, dict[str, Any]] = {}
    for name, value in values.items():
        if name.startswith(_OPTIMIZER):
            index, _, key = name.removeprefix(_OPTIMIZER).partition(".")
            if not re.fullmatch("[0-9]{1,9}", index):
                raise FormatError(f"{path}: {name!r:.80} names no parameter")
            state.setdefault(int(index), {})[key] = value
    if begun and not state:
        raise FormatError(f"{path}: nothing that the optimiser remembers; begin in a new folder")
    try:
        optimizer.load_state(state)
    except FormatError as error:
        raise FormatError(f"{path}: {error}; begin in a new folder") from None
