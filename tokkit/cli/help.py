"""The help: usage, what it does, options in panels, examples; plain where there is no terminal.

Typer's own takes longer to import than the whole of this command may.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tokkit.cli.registry import ABOUT, ENTRIES, OPTIONS
from tokkit.cli.terminal import console_of, is_drawable
from tokkit.cli.usage import USAGE_OF_ALL, usage_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from typer.core import TyperCommand

_NAME, _VALUE, _FAINT = "bold cyan", "yellow", "dim"
_MOST_COLUMNS = 100
_PLAIN_COLUMNS = 80
_WIDEST_NAME = 30


def command_help(command: TyperCommand, ctx: Any, examples: Sequence[tuple[str, str]]) -> str:
    """The help of a subcommand, with command lines and what each of them does."""
    params = command.get_params(ctx)
    arguments = [param for param in params if param.param_type_name == "argument"]
    options = [param for param in params if param.param_type_name == "option"]
    panels = dict.fromkeys(_panel(param) for param in options)
    panels = sorted(
        panels, key=lambda panel: panel == "Options"
    )  # what all commands have comes last
    sections = [("Arguments", _argument_rows(arguments))]
    sections += [
        (panel, [_option_row(p) for p in options if _panel(p) == panel]) for panel in panels
    ]
    parts = [
        _usage(usage_of(ctx)),
        _prose(command.help),
        *(_section(*section) for section in sections),
    ]
    return _drawn([*parts, _examples(examples)])


def _panel(param: Any) -> str:
    return param.rich_help_panel or "Options"


def help_of_all() -> str:
    """The help of the whole, from the registry alone."""
    panels = dict.fromkeys(entry.panel for entry in ENTRIES)
    sections = [
        (panel, [(_names(e.name, e.aliases), Text(e.summary)) for e in ENTRIES if e.panel == panel])
        for panel in panels
    ]
    sections.append(("Options", [_row(*each) for each in OPTIONS.values()]))
    parts = [_usage(USAGE_OF_ALL), _prose(ABOUT), *(_section(*section) for section in sections)]
    more = Text.assemble(
        " tokkit COMMAND --help", (" explains a command and shows examples.", _FAINT)
    )
    return _drawn([*parts, more])


def _usage(line: str) -> Text:
    path, _, rest = line.partition(" [OPTIONS]")
    return Text.assemble(" ", ("Usage: ", "bold"), (path, _NAME), (f" [OPTIONS]{rest}", _VALUE))


def _prose(text: str | None) -> RenderableType:
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return Padding(Text("\n\n".join(" ".join(each.split()) for each in paragraphs)), (0, 1))


def _names(name: str, aliases: Iterable[str]) -> Text:
    return Text.assemble((name, _NAME), (", ".join(["", *aliases]), _FAINT))


def _argument_rows(arguments: Sequence[Any]) -> list[tuple[Text, Text]]:
    rows: dict[str, tuple[Text, Text]] = {}
    for param in arguments:  # two of one name are one that is told twice in the usage
        rows.setdefault(param.metavar, (Text(param.metavar, _VALUE), Text(param.help or "")))
    return list(rows.values())


def _option_row(param: Any) -> tuple[Text, Text]:
    if "--help" in param.opts:
        return _row(*OPTIONS["show_help"])
    metavar = "" if param.is_flag else param.metavar
    name, about = _row(_told(param.opts), metavar, param.help or "")
    if not (param.is_flag or param.default is None or param.default is False):
        about.append(f" ({param.default})", _FAINT)
    return name, about


def _told(names: Sequence[str]) -> list[str]:
    """The names of an option but for aliases: a short one, and the first of the long ones."""
    long = [name for name in names if name.startswith("--")]
    return [name for name in names if name not in long[1:]]


def _row(names: Iterable[str], metavar: str, about: str) -> tuple[Text, Text]:
    name = Text.assemble((", ".join(sorted(names, key=len)), _NAME))
    if not metavar:
        return name, Text(about)
    if len(name) + 1 + len(metavar) <= _WIDEST_NAME:
        return name.append(f" {metavar}", _VALUE), Text(about)
    lines = [""]
    for word in re.findall("[^|]+[|]?", metavar):  # a choice breaks between its words
        if lines[-1] and len(lines[-1]) + len(word) > _WIDEST_NAME - 2:
            lines.append("")
        lines[-1] += word
    return name.append("".join(f"\n  {line}" for line in lines), _VALUE), Text(about)


def _section(title: str, rows: Sequence[tuple[Text, Text]]) -> RenderableType | None:
    if not rows:
        return None
    table = Table.grid(padding=(0, 2, 0, 0), expand=False)
    least = min(16, max(len(name.plain) for name, _ in rows))
    table.add_column(max_width=_WIDEST_NAME, min_width=least, overflow="fold")
    table.add_column(ratio=1)
    for row in rows:
        table.add_row(*row)
    return _framed(title, table)


def _examples(examples: Sequence[tuple[str, str]]) -> RenderableType | None:
    if not examples:
        return None
    lines = Text()
    for command, about in examples:
        lines.append("\n" if lines else "").append(f"# {about}\n", _FAINT).append(command, _NAME)
    return _framed("Examples", lines)


def _framed(title: str, body: RenderableType) -> RenderableType:
    if is_drawable(sys.stdout):
        return Panel(body, title=Text(title), title_align="left", border_style=_FAINT)
    section = Table.grid(expand=True)
    section.add_row(Text(f"{title}:"))
    section.add_row(Padding(body, (0, 0, 0, 2)))
    return section


def _drawn(parts: Sequence[RenderableType | None]) -> str:
    """The parts one below the other, as wide as the terminal, but not wider than is well read."""
    console = console_of(sys.stdout)
    console.width = min(console.width, _MOST_COLUMNS if sys.stdout.isatty() else _PLAIN_COLUMNS)
    framed = is_drawable(sys.stdout)
    with console.capture() as capture:
        for k, part in enumerate(part for part in parts if part is not None):
            if k in (1, 2) or (k and not framed):
                console.print()
            console.print(part)
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())
