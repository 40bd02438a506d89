"""How arguments and subcommands are named in usage lines and messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# The contexts of click, which typer keeps to itself, have no public name.
Context = Any
PROGRAM = "tokkit"
USAGE_OF_ALL = f"{PROGRAM} [OPTIONS] COMMAND ..."


def label_of(param: Any) -> str:
    """How messages name an option or an argument."""
    return "/".join(param.opts) if is_option(param) else str(param.metavar)


def is_option(param: Any) -> bool:
    """Whether it is an option, and no argument."""
    return param.param_type_name == "option"


def usage_of(ctx: Context) -> str:
    """`tokkit score [OPTIONS] MODEL...`."""
    arguments = [
        f"{param.metavar}..." if param.nargs == -1 else str(param.metavar)
        for param in ctx.command.params
        if not is_option(param)
    ]
    return " ".join([ctx.command_path, "[OPTIONS]", *arguments]) if ctx.parent else USAGE_OF_ALL


def options_of(params: Iterable[Any]) -> dict[str, Any]:
    """The options among options and arguments, by each of their names."""
    return {name: param for param in params if is_option(param) for name in param.opts}
