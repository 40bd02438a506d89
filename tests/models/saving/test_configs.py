"""What is in a configuration is what stands in its folder, whatever types a caller wrote."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import pytest

models: ModuleType = pytest.importorskip("tokkit.models", reason="needs the hf extra")
pytest.importorskip("torch", reason="needs the hf extra")
from tests.models.saving.wrong_values import alike, assert_refuses_wrong_values
from tokkit.errors import ArgumentError
from tokkit.models.saving.configs import config_from_dict, config_identity, config_to_dict

NEEDED: dict[str, dict[str, Any]] = {"VQGraphConfig": {"n_features": 3, "n_classes": 2}}


def configs() -> list[Any]:
    """One of each class of configurations, as it is by default."""
    found: dict[str, Any] = {}
    for each in walk_packages(models.__path__, "tokkit.models."):
        members: dict[str, Any] = vars(import_module(each.name))
        for name, kind in members.items():
            is_own = isinstance(kind, type) and kind.__module__ == each.name
            if is_own and is_dataclass(kind) and name.endswith(("Config", "Recipe", "UnitOptions")):
                make: Any = kind
                try:
                    found[name] = make(**NEEDED.get(name, {}))
                except (ArgumentError, TypeError):
                    continue  # of something that has to be loaded
    return list(found.values())


CONFIGS = configs()


def test_the_sweep_finds_them() -> None:
    names = {type(each).__name__ for each in CONFIGS}
    assert {
        "FlexTokConfig",
        "FlexTokRecipe",
        "NgramConfig",
        "UnitOptions",
        "DMCodecConfig",
    } <= names


@pytest.mark.parametrize("config", CONFIGS, ids=lambda each: type(each).__name__)
def test_a_value_of_another_type_is_refused_or_becomes_what_is_read_again(config: Any) -> None:
    assert_refuses_wrong_values(config)
    for other in alike(config):
        told = [json.dumps(config_identity(each), sort_keys=True) for each in (config, other)]
        assert told[0] == told[1]
        read = config_from_dict(
            type(other), json.loads(json.dumps(config_to_dict(other))), "its folder"
        )
        assert read == config == other
        assert json.dumps(config_identity(read), sort_keys=True) == told[0]
