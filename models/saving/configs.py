"""Configurations of models as JSON, and back: frozen dataclasses of plain values, checked by type.

A field is a whole number, a number, a boolean, a word (`str` or `Literal`), a tuple of one of them,
another such dataclass, or None where its type says so.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeVar, Union, get_args, get_origin
from typing import get_type_hints as hints_of

from tokkit.arguments import as_plain, refuse_unknown
from tokkit.errors import ArgumentError, FormatError
from tokkit.files.json_text import want_int, want_list, want_number, want_object, want_str


class Config(Protocol):
    """A frozen dataclass that refuses bad values by an `ArgumentError`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


ConfigT = TypeVar("ConfigT", bound=Config)


ADDED: Mapping[str, Any] = {"added": True}
"""Metadata of a field that came after models had been saved; its default is what was so before."""


def config_to_dict(config: Config) -> dict[str, Any]:
    """Plain data for JSON."""
    return as_plain(asdict(config))


def config_identity(config: Config) -> dict[str, Any]:
    """Plain data that names a model or a training: fields of `ADDED` at their default are left out.

    So what was saved before there was such a field keeps its name, and goes on.
    """
    told = config_to_dict(config)
    for each in fields(config):
        value = getattr(config, each.name)
        if is_dataclass(value):
            told[each.name] = config_identity(value)  # type: ignore[arg-type]
        elif each.metadata == ADDED and value == each.default:
            del told[each.name]
    return told


def merged(values: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Values, some of which are set to others; of a mapping within them some in turn.

    >>> merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}})
    {'a': {'b': 1, 'c': 4}, 'd': 3}
    """
    found = dict(values)
    for name, each in settings.items():
        before = found.get(name)
        if isinstance(before, dict) and isinstance(each, dict):
            found[name] = merged(before, each)
        else:
            found[name] = each
    return found


def config_from_dict(kind: type[ConfigT], data: Mapping[str, Any], where: str) -> ConfigT:
    """Read what `config_to_dict` wrote; what is left out has its default.

    Args:
        kind: the dataclass.
        data: by field.
        where: it stands, for messages.

    Raises:
        FormatError: an unknown field, a value of another type, or one that the class refuses.
    """
    types_of = hints_of(kind)
    known = [each.name for each in fields(kind)]
    try:
        refuse_unknown(data, known, what=f"field of {kind.__name__}")
        values = {
            name: read_value(types_of[name], each, f"{where}.{name}") for name, each in data.items()
        }
        return kind(**values)
    except (ArgumentError, TypeError) as error:
        raise FormatError(f"{where}: {error}") from error


def changed_config(config: ConfigT, settings: Mapping[str, Any]) -> ConfigT:
    """A configuration with other values for some fields, which may have fields in turn.

    Raises:
        ArgumentError: an unknown field, or a value that it does not take.
    """
    as_json = json.loads(json.dumps(config_to_dict(config)))  # with lists for tuples
    values = merged(as_json, settings)
    try:
        return config_from_dict(type(config), values, "the configuration")
    except FormatError as error:
        raise ArgumentError(str(error)) from error


def check_fields(kind: type[Config], settings: Mapping[str, Any]) -> None:
    """Refuse unknown fields and values of another type, where it is not known what they must fit.

    Raises:
        ArgumentError: there is one.
    """
    types_of = hints_of(kind)
    refuse_unknown(settings, list(types_of), what=f"field of {kind.__name__}")
    for name, each in settings.items():
        if is_dataclass(types_of[name]) and isinstance(each, dict):
            check_fields(types_of[name], each)
            continue
        try:
            read_value(types_of[name], each, name)
        except FormatError as error:
            raise ArgumentError(str(error)) from error


def read_value(kind: Any, value: Any, where: str) -> Any:
    """A value of JSON as a field of a type wants it.

    Raises:
        FormatError: it is of another type.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (some,) = (each for each in inner if each is not types.NoneType)
        return None if value is None else read_value(some, value, where)
    if origin is Literal:
        if value not in inner:
            expected = ", ".join(map(repr, inner))
            raise FormatError(f"{where}: got {value!r:.60}, expected one of {expected}")
        return value
    if origin is tuple:
        return tuple(read_value(inner[0], each, where) for each in want_list(value, where))
    if is_dataclass(kind):
        return config_from_dict(kind, want_object(value, where), where)  # type: ignore[type-var]
    if kind is bool:
        if not isinstance(value, bool):
            raise FormatError(f"{where}: got {value!r:.60}, expected true or false")
        return value
    read = {int: want_int, float: want_number, str: want_str}[kind]
    return read(value, where)
