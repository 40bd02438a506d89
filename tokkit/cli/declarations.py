"""What a subcommand's function says of its options, made plain for typer.

A parameter is `name: Annotated[type, option(...)] = default`: a `typer.Option` with an `OptionType`
as its parser, whose name, words and panel are those of the parameter unless it says otherwise.
Options that several subcommands share, or that belong together, stand in a dataclass, a *group*,
and a parameter of that class takes them all: typer has no such thing, so the fields are laid out
one by one here, and put together again for the call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from tokkit.cli.option_types import Choice, OptionType

EMPTY = inspect.Parameter.empty


def option(
    about: str,
    kind: OptionType | None = None,
    metavar: str | None = None,
    *,
    name: str | None = None,
    alias: str | None = None,
    panel: str | None = None,
) -> Any:
    """An option, described.

    Args:
        about: the description.
        kind: what its value may be. None: it is a flag, or, of a `Literal`, one of its words.
        metavar: what stands for the value in the help.
        name: where it is not that of the parameter (`--max-bytes` for `max_bytes`).
        alias: another name, beside `name`.
        panel: of the help; by default the `PANEL` of the group that it belongs to.
    """
    names = [each for each in (name, alias) if each is not None]
    return typer.Option(*names, parser=kind, metavar=metavar, help=about, rich_help_panel=panel)


def argument(metavar: str, kind: OptionType, about: str) -> Any:
    """An argument, of a type, described."""
    return typer.Argument(metavar=metavar, parser=kind, help=about)


class Alone(NamedTuple):
    """Beside an `option`: what the option means when no value follows it."""

    value: str


@dataclass(frozen=True)
class Declared:
    """One option or argument.

    Attributes:
        name: of the parameter, or of the field of a group.
        annotation: `Annotated[...]` with what typer reads.
        default: `EMPTY` where there must be a value.
    """

    name: str
    annotation: Any
    default: Any

    @property
    def kind(self) -> OptionType | None:
        """What it may be; None for a flag."""
        parsers = (getattr(each, "parser", None) for each in get_args(self.annotation)[1:])
        return next((each for each in parsers if isinstance(each, OptionType)), None)

    @property
    def alone(self) -> str | None:
        """What it means when no value follows; None where one must."""
        found = (each for each in get_args(self.annotation)[1:] if isinstance(each, Alone))
        return next((each.value for each in found), None)


@dataclass(frozen=True)
class Signature:
    """The options of a function, in order, and how they come together in its call.

    Attributes:
        function: takes groups, and options of its own; returns an exit code.
        declared: all of them, those of groups laid out.
        groups: parameter -> the dataclass that it takes.
    """

    function: Callable[..., int]
    declared: tuple[Declared, ...]
    groups: Mapping[str, type[Any]]

    def call_arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of the function.

        Args:
            values: of every declared option, by name.

        Raises:
            ArgumentError: a group refuses its values, such as two that exclude each other.
        """
        inside = {field.name for group in self.groups.values() for field in fields(group)}
        arguments = {name: value for name, value in values.items() if name not in inside}
        for name, group in self.groups.items():
            arguments[name] = group(**{field.name: values[field.name] for field in fields(group)})
        return arguments

    def for_typer(self) -> Callable[..., dict[str, Any]]:
        """A function with the declared options as its parameters, which returns their values."""

        def collect(**values: Any) -> dict[str, Any]:
            return values

        kind = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter(each.name, kind, default=each.default, annotation=each.annotation)
            for each in self.declared
        ]
        collect.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
        return collect


def read_signature(function: Callable[..., int]) -> Signature:
    """The options that a subcommand's function declares."""
    hints = get_type_hints(function, include_extras=True)
    declared: list[Declared] = []
    groups: dict[str, type[Any]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints[name]
        if is_dataclass(hint) and isinstance(hint, type):
            groups[name] = hint
            declared += _fields_of(hint)
        else:
            declared.append(_declared(name, hint, parameter.default))
    return Signature(function, tuple(declared), groups)


def _fields_of(group: type[Any]) -> list[Declared]:
    hints = get_type_hints(group, include_extras=True)
    return [
        _declared(field.name, hints[field.name], field.default, group.PANEL)
        for field in fields(group)
    ]


def _declared(name: str, hint: Any, default: Any, panel: str | None = None) -> Declared:
    assert get_origin(hint) is Annotated, f"{name} needs Annotated[type, option(...)]"
    value, shared, *more = get_args(hint)
    info = copy(shared)  # others may share it under another name
    if isinstance(info, OptionInfo):
        if info.default is ...:  # where typer keeps the name that an `Annotated` gives
            info.default = f"--{name.replace('_', '-')}"
        info.rich_help_panel = info.rich_help_panel or panel
        if get_origin(value) is Literal:
            info.parser, info.metavar = Choice(*get_args(value)), "|".join(get_args(value))
    return Declared(name, Annotated[value, info, *more], default)
