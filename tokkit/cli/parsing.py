"""From a command line to a call that is ready: what typer parses, and the types of options judge.

`Commands` is the group of all subcommands, each imported when it is named. Parsing runs nothing: it
ends in a `Call`, so that no exception of the work passes through typer.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Annotated, Any, cast

import typer
import typer.core
import typer.main

from tokkit import __version__
from tokkit.arguments import refuse_unknown
from tokkit.cli.completions.scripts import SHELLS, install_script, script_of
from tokkit.cli.declarations import Signature, read_signature
from tokkit.cli.option_types import Choice, OptionType
from tokkit.cli.registry import ABOUT, BY_NAME, ENTRIES, OPTIONS
from tokkit.cli.shared_files import refuse_shared_streams
from tokkit.cli.usage import PROGRAM, Context, label_of, options_of, usage_of
from tokkit.errors import ArgumentError

_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True)
class Given:
    """A value on the command line that the world may not fit."""

    label: str
    kind: OptionType
    value: Any


@dataclass(frozen=True)
class Call:
    """A subcommand and its arguments, right as far as the command line tells.

    Attributes:
        path: as the user wrote it: `tokkit score`.
        function: of the subcommand; returns an exit code.
        arguments: of the function.
        given: values that are no defaults.
    """

    path: str
    function: Callable[..., int]
    arguments: Mapping[str, Any]
    given: tuple[Given, ...]

    def check(self) -> None:
        """Ask the type of each option about what was given: is the file there?

        Raises:
            ArgumentError: one of them cannot be; the message names the option.
        """
        for each in self.given:
            try:
                each.kind.check_among(each.value, self.arguments)
            except typer.BadParameter as error:
                raise ArgumentError(
                    f"argument {each.label}: {error.message} (see {self.path} --help)"
                ) from None
        refuse_shared_streams([(each.label, each.kind, each.value) for each in self.given])

    def run(self) -> int:
        """Do the work; the exit code."""
        return self.function(**self.arguments)


class Command(typer.core.TyperCommand):
    """A subcommand. Invoked by typer it runs nothing, and returns a `Call`."""

    signature: Signature
    examples: Sequence[tuple[str, str]] = ()

    @property
    def kinds(self) -> dict[str, OptionType]:
        """Name -> type of every option that takes a value."""
        return {each.name: each.kind for each in self.signature.declared if each.kind is not None}

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Typer's parsing, for options that may stand without a value or cut short too."""
        alone = {each.name: each.alone for each in self.signature.declared if each.alone}
        return super().parse_args(ctx, written_out(self.get_params(ctx), args, alone))

    def invoke(self, ctx: Context) -> Call:
        """What is to be called."""
        values: dict[str, Any] = super().invoke(ctx)
        defaults = {each.name: each.default for each in self.signature.declared}
        kinds = self.kinds
        given: list[Given] = []
        for param in self.params:
            value = values[param.name]
            several = cast("list[Any]", value) if isinstance(value, list) else [value]
            given += [
                Given(label_of(param), kinds[param.name], each)
                for each in several
                if param.name in kinds and each is not None and each != defaults[param.name]
            ]
        arguments = self.signature.call_arguments(values)
        return Call(ctx.command_path, self.signature.function, arguments, tuple(given))

    def get_help(self, ctx: Context) -> str:
        """The help, drawn by rich."""
        from tokkit.cli.help import command_help

        return command_help(self, ctx, self.examples)


class Commands(typer.core.TyperGroup):
    """All subcommands, by the lines of the registry."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002
        """Their names, in order."""
        return [entry.name for entry in ENTRIES]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002
        """The subcommand of a name or an alias, imported."""
        return load_command(BY_NAME[cmd_name].name) if cmd_name in BY_NAME else None

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Typer's parsing, for options that may stand without a value or cut short too.

        What follows the name of a subcommand is its own.
        """
        alone = dict.fromkeys(_WITH_SHELL, DETECT)
        end = next((place for place, word in enumerate(args) if word in BY_NAME), len(args))
        own = written_out(self.get_params(ctx), args[:end], alone)
        return super().parse_args(ctx, own + args[end:])

    def invoke(self, ctx: Context) -> Call:
        """What is to be called: a subcommand, or what an option of the whole asks for."""
        for name, text_for in _WITH_SHELL.items():
            shell = ctx.params[name]
            if isinstance(shell, str):
                wanted = {"text_for": text_for, "shell": None if shell == DETECT else shell}
                return Call(ctx.command_path, _print_text, wanted, ())
        return super().invoke(ctx)

    def resolve_command(self, ctx: Context, args: list[str]) -> Any:
        """The subcommand that is named.

        Raises:
            ArgumentError: there is none; the message says which one may be meant.
        """
        if not args[0].startswith("-"):
            refuse_unknown([args[0]], tuple(BY_NAME), what="command")
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: Context) -> str:  # noqa: ARG002
        """The help, drawn by rich."""
        from tokkit.cli.help import help_of_all

        return help_of_all()


DETECT = "auto"
"""The shell in use."""
_WITH_SHELL = {"install_completion": install_script, "show_completion": script_of}


def _print_text(text_for: Callable[[str | None], str], shell: str | None) -> int:
    sys.stdout.write(text_for(shell))
    return 0


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _show_help(ctx: typer.Context, wanted: bool) -> None:
    if wanted:
        typer.echo(ctx.get_help())
        raise typer.Exit


def _of_all(name: str, **more: Any) -> Any:
    """An option of the registry, for typer."""
    names, metavar, about = OPTIONS[name]
    return typer.Option(*names, metavar=metavar or None, help=about, **more)


def _declare(
    version: Annotated[bool, _of_all("version", callback=_show_version, is_eager=True)] = False,
    install_completion: Annotated[
        bool, _of_all("install_completion", parser=Choice(*SHELLS, DETECT))
    ] = False,
    show_completion: Annotated[
        bool, _of_all("show_completion", parser=Choice(*SHELLS, DETECT))
    ] = False,
    show_help: Annotated[bool, _of_all("show_help", callback=_show_help, is_eager=True)] = False,
) -> None:
    # All are flags to typer, and false where they are not given: for any other it imports pydantic
    # at once, a tenth of a second before the help of every subcommand. Its own `--help` is none.
    pass


@cache
def build_group() -> Commands:
    """The group of all subcommands; none of them is imported yet."""
    app = typer.Typer(
        name=PROGRAM, cls=Commands, add_completion=False, rich_markup_mode=None,
        context_settings=_SETTINGS,
    )  # fmt: skip
    app.callback(add_help_option=False, help=ABOUT)(_declare)
    group = typer.main.get_command(app)
    assert isinstance(group, Commands)
    for param in cast("list[Any]", group.params):
        if param.name in _WITH_SHELL:
            param.is_flag = param.is_bool_flag = False  # see `_declare`
    return group


@cache
def load_command(name: str) -> Command:
    """A subcommand, by its first name."""
    module = import_module(f"tokkit.cli.commands.{name}")
    signature = read_signature(getattr(module, name))
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    help_text = inspect.getdoc(signature.function)
    app.command(name, cls=Command, help=help_text, context_settings=_SETTINGS)(
        signature.for_typer()
    )
    command = typer.main.get_command(app)
    assert isinstance(command, Command)
    command.signature, command.examples = signature, module.EXAMPLES
    return command


def parse(argv: Sequence[str]) -> Call:
    """What a command line asks for.

    Raises:
        ArgumentError: it cannot be; the message is what the user reads.
        SystemExit: it asked for help or the version, which are printed.
    """
    group = build_group()
    try:
        with group.make_context(PROGRAM, list(argv)) as ctx:  # `main` would judge what I/O raises
            return group.invoke(ctx)
    except typer.TyperException as error:
        raise ArgumentError(_told(error)) from error
    except typer.Exit as done:
        raise SystemExit(done.exit_code) from None


def _told(error: typer.TyperException) -> str:
    """The error in tokkit's words: which argument, what was meant, where to read more."""
    ctx, param = getattr(error, "ctx", None), getattr(error, "param", None)
    if error.message and isinstance(error, typer.BadParameter) and param is not None:
        message = f"argument {label_of(param)}: {error.message}"
    else:
        message = error.message or error.format_message()
        message = f"{message[:1].lower()}{message[1:]}".rstrip(".")
    guesses: Sequence[str] = getattr(error, "possibilities", None) or ()
    if guesses:
        message += f" (did you mean {guesses[0]!r}?)"
    if ctx is None:
        return message
    if hasattr(error, "possibilities"):  # an option that there is not
        return f"{message}; usage: {usage_of(ctx)} (see {ctx.command_path} --help)"
    return f"{message} (see {ctx.command_path} --help)"


def written_out(params: Sequence[Any], args: Sequence[str], alone: Mapping[str, str]) -> list[str]:
    """A command line as typer reads it: names in full, and a value for every option that has one.

    Args:
        params: options and arguments of the command.
        args: what the user wrote; names of options may be cut where one can be meant only.
        alone: name of a parameter -> what its option means when no value follows.
    """
    options = options_of(params)
    full: list[str] = []
    rest = list(args)
    while rest and rest[0] != "--":
        name, equals, value = _whole_name(rest.pop(0), options)
        full.append(name + equals + value)
        param = options.get(name)
        if param is None or param.is_flag or equals:
            continue
        is_lone = not rest or (rest[0].startswith("-") and len(rest[0]) > 1)
        if is_lone and param.name in alone:
            full[-1] = f"{name}={alone[param.name]}"
        elif rest:
            full.append(rest.pop(0))
    return full + rest


def _whole_name(word: str, options: Mapping[str, Any]) -> tuple[str, str, str]:
    """The name of an option, `=` and its value, where they stand in one word."""
    if not word.startswith("--"):
        return word, "", ""
    name, equals, value = word.partition("=")
    meant = [each for each in options if each.startswith(name)]
    return meant[0] if name not in options and len(meant) == 1 else name, equals, value
