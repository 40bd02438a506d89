"""Values of other types than those with which the fields of a configuration are declared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, get_origin, get_type_hints

import pytest

from tokkit.errors import ArgumentError, UnsupportedError

_WRONG: dict[Any, tuple[Any, ...]] = {
    bool: ("no", None, 2, 0.5),
    int: ("a", None, 1.5, (1,), True),
    float: ("a", None, float("nan"), (1,), True),
    tuple: ("a", None, 3, 1.5),
}


def assert_refuses_wrong_values(config: Any) -> None:
    """Each field of each type refuses values of others, by one clear error."""
    for name, kind in _kinds(config):
        for wrong in _WRONG.get(kind, ()):
            with pytest.raises((ArgumentError, UnsupportedError)):
                replace(config, **{name: wrong})


def alike(config: Any) -> Iterator[Any]:
    """The configuration, with one value each of another type that says the same."""
    for name, kind in _kinds(config):
        value = getattr(config, name)
        if kind is bool or (kind is float and value == int(value)):
            yield replace(config, **{name: int(value)})
        if kind is tuple:
            yield replace(config, **{name: list(value)})


def _kinds(config: Any) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(type(config))
    for each in fields(config):
        yield each.name, get_origin(hints[each.name]) or hints[each.name]
