"""A checkpoint of other parameters' moments is refused before an optimiser writes beside memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
from safetensors import safe_open
from safetensors.torch import save_file

from tokkit.errors import FormatError
from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.training.checkpoints import (
    CHECKPOINT,
    Position,
    load_checkpoint,
    save_checkpoint,
)
from tokkit.models.training.optimizers import Optimizers, optimizers
from tokkit.models.training.options import TrainingOptions

Tensors = dict[str, Any]


def network_and_optimizer(kind: Any) -> tuple[Any, Optimizers]:
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 4), OutputLayer(4, 2))
    return model, optimizers(model, TrainingOptions(steps=2, optimizer=kind), {})


def first_of(tensors: Tensors, key: str) -> str:
    return next(name for name in tensors if name.endswith(key))


def shorten(tensors: Tensors) -> None:
    name = first_of(tensors, "exp_avg")
    tensors[name] = tensors[name].reshape(-1)[:1].clone()


def round_off(tensors: Tensors) -> None:
    name = first_of(tensors, "exp_avg_sq")
    tensors[name] = tensors[name].long()


def drop(tensors: Tensors) -> None:
    del tensors[first_of(tensors, "exp_avg_sq")]


def lose_count(tensors: Tensors) -> None:
    tensors[first_of(tensors, "step")].fill_(torch.nan)


def forget(tensors: Tensors) -> None:
    for name in [each for each in tensors if each.startswith("optimizer.")]:
        del tensors[name]


def lose_weight(tensors: Tensors) -> None:
    tensors[first_of(tensors, "0.weight")][0] = torch.inf


def take_from(tensors: Tensors) -> None:
    tensors[first_of(tensors, "exp_avg_sq")][0] = -1.0


def count_down(tensors: Tensors) -> None:
    tensors[first_of(tensors, "step")].fill_(-5.0)


def add_parameter(tensors: Tensors) -> None:
    tensors["optimizer.99.step"] = torch.ones(())


def misname(tensors: Tensors) -> None:
    tensors["optimizer.²"] = torch.ones(())


def number_beyond(tensors: Tensors) -> None:
    tensors[f"optimizer.{'9' * 5000}.step"] = torch.ones(())


def flatten(tensors: Tensors) -> None:
    name = first_of(tensors, "momentum_buffer")
    tensors[name] = tensors[name].reshape(-1).clone()


def saved(folder: Path, optimizer: Any, **position: Any) -> Any:
    """A checkpoint after a step, and the metadata and tensors of its file."""
    model, steps = network_and_optimizer(optimizer)
    model(torch.ones(1, 3)).sum().backward()
    steps.step()
    values: dict[str, Any] = {"step": 1, "seconds": 1.0, "n_records": 1, **position}
    where = Position(**values)
    save_checkpoint(folder, model, steps, where, {})
    with safe_open(folder / CHECKPOINT, framework="pt") as file:
        return file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


@pytest.mark.parametrize(
    ("optimizer", "spoil", "told"),
    [
        ("adamw", shorten, "exp_avg is no tensor of torch.float32 of the shape"),
        ("adamw", round_off, "exp_avg_sq is no tensor of torch.float32"),
        ("adamw", drop, "has .*'exp_avg', 'step'.*, expected"),
        ("adamw", lose_count, "step holds numbers that are not finite"),
        ("adamw", take_from, "exp_avg_sq holds a number below 0"),
        ("adamw", count_down, "step holds a number below 1"),
        ("adamw", forget, "nothing that the optimiser remembers"),
        ("adamw", lose_weight, "0.weight holds numbers that are not finite"),
        ("adamw", add_parameter, "of parameter 99, which is not there"),
        ("adamw", misname, "names no parameter"),
        ("adamw", number_beyond, "names no parameter"),
        ("muon", flatten, "momentum_buffer is no tensor of torch.float32"),
        ("muon", shorten, "exp_avg is no tensor"),
    ],
)
def test_other_moments_are_refused(
    optimizer: Any, spoil: Callable[[Tensors], None], told: str, tmp_path: Path
) -> None:
    metadata, tensors = saved(tmp_path, optimizer)
    model, steps = network_and_optimizer(optimizer)
    assert load_checkpoint(tmp_path, model, steps, {}) == Position(1, 1.0, 1)
    spoil(tensors)
    save_file(tensors, tmp_path / CHECKPOINT, metadata)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    with pytest.raises(FormatError, match=f"{CHECKPOINT}: .*{told}"):
        load_checkpoint(tmp_path, model, steps, {})
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())


@pytest.mark.parametrize(
    ("position", "told"),
    [
        ({"step": -5}, "step: -5 is out of range"),
        ({"step": 10**400}, "step: .* is out of range"),
        ({"n_records": -5}, "n_records: -5 is out of range"),
        ({"seconds": -1e9}, "seconds is -1"),
    ],
)
def test_a_position_that_no_training_reaches_is_refused(
    position: dict[str, Any], told: str, tmp_path: Path
) -> None:
    saved(tmp_path, "adamw", **position)
    with pytest.raises(FormatError, match=told):
        load_checkpoint(tmp_path, *network_and_optimizer("adamw"), {})
