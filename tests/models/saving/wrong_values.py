"""Values of other types than those with which the fields of a configuration are declared."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from tokkit.errors import ArgumentError, UnsupportedError

_OF_ALL = (object(), np.array([1.5, 2.5]), [[1], [1, 2]], {"a": 1})
_WRONG: dict[Any, tuple[Any, ...]] = {
    bool: ("no", None, 2, 0.5),
    int: ("a", None, 1.5, (1,), True, 1 << 64, 10**5000),
    float: ("a", None, float("nan"), (1,), True, 10**400),
    tuple: ("a", None, 3, 1.5, ["a", 1]),
    str: (None, 3, b"a", True),
    object: (None, "a", 3, True),
}


def assert_refuses_wrong_values(config: Any) -> None:
    """Each field of each type refuses values of others, by one clear error."""
    for name, kind, may_lack in _fields(config):
        for wrong in (*_WRONG[kind], *_OF_ALL):
            if wrong is None and may_lack:
                continue
            with pytest.raises((ArgumentError, UnsupportedError)) as caught:
                replace(config, **{name: wrong})
            assert "\n" not in str(caught.value)


def alike(config: Any) -> Iterator[Any]:
    """The configuration, with one value each of another type that says the same."""
    for name, kind, _ in _fields(config):
        value = getattr(config, name)
        for other in _equal(kind, value):
            yield replace(config, **{name: other})


def _equal(kind: Any, value: Any) -> Iterator[Any]:
    if value is None:
        return
    if kind is bool:
        yield from (int(value), np.bool_(value))
    if kind is float:
        yield np.float64(value)
        if value == int(value):
            yield int(value)
    if kind is int:
        yield from (np.int64(value), np.array(value))
        if 0 <= value < 256:
            yield np.uint8(value)
    if kind is tuple:
        yield list(value)
        if all(isinstance(each, int) for each in value):
            yield [np.int64(each) for each in value]


def _fields(config: Any) -> Iterator[tuple[str, Any, bool]]:
    """Names, types without what they hold (`object`: a part), and whether there may be None."""
    hints = get_type_hints(type(config))
    for each in fields(config):
        kind, may_lack = hints[each.name], False
        if get_origin(kind) in (Union, types.UnionType):
            (kind,) = (some for some in get_args(kind) if some is not types.NoneType)
            may_lack = True
        origin = get_origin(kind)
        kind = str if origin is Literal else object if is_dataclass(kind) else origin or kind
        yield each.name, kind, may_lack
