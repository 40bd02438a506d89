"""How a command line may go on: what the scripts beside this ask.

Names of subcommands come from the registry alone; only what stands after one costs its import.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tokkit.cli.completions.scripts import SHELLS
from tokkit.cli.registry import BY_NAME, ENTRIES, OPTIONS
from tokkit.cli.usage import options_of

if TYPE_CHECKING:
    from tokkit.cli.option_types import OptionType
    from tokkit.cli.parsing import Command


class Completions(NamedTuple):
    """What may stand under the cursor.

    Attributes:
        words: (word, what it is).
        paths: `"files"`, `"folders"` or `"none"`: what else may stand there.
    """

    words: list[tuple[str, str]]
    paths: str = "none"


NOTHING = Completions([])
_WITH_SHELL = ("--install-completion", "--show-completion")


def print_completions(shell: str, words: Sequence[str]) -> int:
    """Answer a shell, whatever it asks; the exit code.

    Args:
        shell: its name. Bash takes `--option=value` for three words.
        words: after the name of the program, up to the one under the cursor, which may be empty.
    """
    found = completions(words, splits_at_equals=shell == "bash")
    lines = [found.paths, *(f"{word}\t{about}" for word, about in found.words)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def completions(words: Sequence[str], *, splits_at_equals: bool = False) -> Completions:
    """What may stand in place of the last word."""
    before, current = list(words[:-1]), words[-1] if words else ""
    if before and before[-1] in _WITH_SHELL:
        return Completions([(shell, "") for shell in SHELLS if shell.startswith(current)])
    place = next((k for k, word in enumerate(before) if not word.startswith("-")), None)
    if place is None:
        return _of_group(current)
    if before[place] not in BY_NAME:
        return NOTHING
    from tokkit.cli.parsing import load_command

    command = load_command(BY_NAME[before[place]].name)
    if splits_at_equals:
        before, current = [w for w in before if w != "="], "" if current == "=" else current
    return _of_command(command, before[place + 1 :], current)


def _of_group(current: str) -> Completions:
    if not current.startswith("-"):
        return Completions([(e.name, e.summary) for e in ENTRIES if e.name.startswith(current)])
    rows = ((each.names[0], each.about) for each in OPTIONS.values())
    return Completions([(name, about) for name, about in rows if name.startswith(current)])


def _of_command(command: Command, before: Sequence[str], current: str) -> Completions:
    kinds = command.kinds
    options = options_of(command.params)
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    pending, n_arguments, used = _walk(options, before)
    option, equals, value = current.partition("=")
    if pending is not None:
        return _values(kinds[pending], current)
    if equals and option in options and options[option].name in kinds:
        found = _values(kinds[options[option].name], value)
        return Completions([(f"{option}={word}", a) for word, a in found.words], found.paths)
    if current.startswith("-"):
        unused = [p for p in command.params if p.name not in used or getattr(p, "multiple", False)]
        return Completions(list(_options(unused, current)))
    place = min(n_arguments, len(arguments) - 1)
    if n_arguments > place and arguments[place].nargs == 1:
        return NOTHING
    return _values(kinds[arguments[place].name], current)


def _walk(options: dict[str, Any], before: Sequence[str]) -> tuple[str | None, int, set[str]]:
    """The option whose value comes next, how many arguments stand there, and which options."""
    pending: str | None = None
    n_arguments = 0
    used: set[str] = set()
    for word in before:
        param = options.get(word.partition("=")[0]) if word.startswith("-") else None
        if pending is not None:
            pending = None
        elif param is None:
            n_arguments += 1
        else:
            used.add(param.name)
            pending = None if param.is_flag or "=" in word else param.name
    return pending, n_arguments, used


def _options(params: Sequence[Any], current: str) -> Iterator[tuple[str, str]]:
    for param in params:
        if param.param_type_name == "option":
            names = (name for name in param.opts if name.startswith("--"))
            yield from ((name, param.help or "") for name in names if name.startswith(current))


def _values(kind: OptionType, current: str) -> Completions:
    words = [(word, "") for word in kind.candidates() if word.startswith(current)]
    return Completions(words, kind.paths or "none")
