"""What an option may be: numbers within bounds, files to read, files to write, tokenizers, models.

A type is called with the text of an option as the command line is parsed, and refuses what can be
no such value. `check_options` then asks each type about the world, before any work is done: is the
file there, can that one be written?
"""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, cast

from tokkit.bytelm.packaged import PACKAGED, find_packaged
from tokkit.errors import ArgumentError, TokkitError

_HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are those of tokkit: one line, which `main` prints."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            ArgumentError: always.
        """
        raise ArgumentError(f"{message} (see {self.prog} --help)")


class OptionType:
    """A type of options. Its instances are what `add_argument` takes as `type`."""

    def __call__(self, text: str) -> Any:
        """The value that a text stands for; an `argparse.ArgumentTypeError` where it has none."""
        return text

    def check(self, value: Any) -> None:
        """Refuse a value that the world does not fit; an `argparse.ArgumentTypeError`."""


class Whole(OptionType):
    """A whole number from some other on, or one that stands for something else."""

    def __init__(self, least: int, *, other: int | None = None) -> None:
        """At least `least`, or `other`."""
        self._least = least
        self._other = other

    def __call__(self, text: str) -> int:
        """The number."""
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or (value < self._least and value != self._other):
            other = "" if self._other is None else f", or {self._other}"
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {self._least}{other}, got {text!r}"
            )
        return value


class Real(OptionType):
    """A finite number within bounds."""

    def __init__(
        self,
        least: float = -math.inf,
        most: float = math.inf,
        *,
        above: float = -math.inf,
        below: float = math.inf,
    ) -> None:
        """From `least` to `most`, and strictly between `above` and `below`."""
        self._bounds = (least, most, above, below)
        limits = {"at least": least, "above": above, "at most": most, "below": below}
        told = [f"{word} {limit:g}" for word, limit in limits.items() if math.isfinite(limit)]
        self._expected = " ".join(["a number", " and ".join(told)]).strip()

    def __call__(self, text: str) -> float:
        """The number."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        least, most, above, below = self._bounds
        if not (math.isfinite(value) and least <= value <= most and above < value < below):
            raise argparse.ArgumentTypeError(f"expected {self._expected}, got {text!r}")
        return value


class Each(OptionType):
    """Values of one type between commas."""

    def __init__(self, one: OptionType) -> None:
        """A list of `one`."""
        self._one = one

    def __call__(self, text: str) -> list[Any]:
        """The values."""
        return [self._one(part) for part in text.split(",")]


class Pair(OptionType):
    """`NAME=VALUE`."""

    def __init__(self, value: OptionType, check_name: Callable[[str], None]) -> None:
        """A value of a type, for a name that `check_name` lets pass."""
        self._value = value
        self._check_name = check_name

    def __call__(self, text: str) -> tuple[str, Any]:
        """The name and the value."""
        name, equals, value = text.rpartition("=")
        if not name or not equals:
            raise argparse.ArgumentTypeError(f"expected NAME=NUMBER, got {text!r}")
        return name, self._value(value)

    def check(self, value: Any) -> None:
        """Whether there is such a name."""
        _as_type_error(lambda: self._check_name(value[0]))


class Checked(OptionType):
    """A text that something else can judge at once."""

    def __init__(self, judge: Callable[[str], object]) -> None:
        """`judge` raises a `TokkitError` for a text that cannot be."""
        self._judge = judge

    def check(self, value: Any) -> None:
        """Whether it passes."""
        _as_type_error(lambda: self._judge(value))


class InputFile(OptionType):
    """A file that can be read; `-` is stdin where the option says so."""

    def __init__(self, *, stdin: bool = False) -> None:
        """Of the file system, or stdin as well."""
        self._stdin = stdin

    def check(self, value: Any) -> None:
        """Whether it can be read."""
        if self._stdin and value == "-":
            return
        try:
            with Path(value).open("rb"):
                pass
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise argparse.ArgumentTypeError(
                f"cannot read {value!r}: {reason}; give the path of a file"
            ) from None


class OutputFile(OptionType):
    """A file that can be written; `-` is stdout."""

    def check(self, value: Any) -> None:
        """Whether it can be written; nothing is."""
        path = Path(value)
        if value == "-":
            return
        if not value or path.is_dir():
            raise argparse.ArgumentTypeError(f"cannot write {value!r}: expected a file")
        if not path.parent.is_dir():
            raise argparse.ArgumentTypeError(
                f"cannot write {value!r}: there is no folder {str(path.parent)!r}"
            )
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise argparse.ArgumentTypeError(f"cannot write {value!r}: permission denied")


class OutputFolder(OptionType):
    """A folder that is there, or can be made."""

    def check(self, value: Any) -> None:
        """Whether it is no file, nor below one."""
        for path in (Path(value), *Path(value).parents):
            if path.is_dir():
                return
            if path.exists():
                break
        raise argparse.ArgumentTypeError(f"cannot write into {value!r}: it is no folder")


class InputFolder(OptionType):
    """A folder to read from; a URL where the option says so."""

    def __init__(self, *, url: bool = False) -> None:
        """Of the file system, or a URL as well."""
        self._url = url

    def check(self, value: Any) -> None:
        """Whether it is there."""
        if not (self._url and "://" in value) and not Path(value).is_dir():
            raise argparse.ArgumentTypeError(f"{value!r} is no folder")


class Source(OptionType):
    """A tokenizer or a model: a packaged name, a path, or a hub id in the local cache."""

    def check(self, value: Any) -> None:
        """Whether there is such a thing."""
        if value in PACKAGED:
            _as_type_error(lambda: find_packaged(value))
            return
        if Path(value).exists():
            return
        if _HUB_ID.fullmatch(value) and _is_cached(value):
            return
        raise argparse.ArgumentTypeError(
            f"{value}: no such file or folder, no hub id in the local cache, and no packaged model "
            f"({', '.join(PACKAGED)})"
        )


def _is_cached(hub_id: str) -> bool:
    try:
        from huggingface_hub import constants
    except ImportError:
        return False
    cache: Any = constants
    return (Path(cache.HF_HUB_CACHE) / f"models--{hub_id.replace('/', '--')}").is_dir()


def check_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Ask the type of each option of a command about what was given.

    Args:
        parser: of the command.
        args: what it made of the command line.

    Raises:
        ArgumentError: one of them cannot be; the message names the option.
    """
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage]  # argparse lists them nowhere else
        kind: object = action.type
        if not isinstance(kind, OptionType):
            continue
        value: object = getattr(args, action.dest, None)
        several = action.nargs in ("+", "*") or _appends(action)
        given = cast("list[object]", value) if several else [value]
        for each in given:
            if each is None or each == action.default:
                continue
            try:
                kind.check(each)
            except argparse.ArgumentTypeError as error:
                name = "/".join(action.option_strings) or action.metavar or action.dest
                raise ArgumentError(
                    f"argument {name}: {error} (see {parser.prog} --help)"
                ) from None


def _appends(action: argparse.Action) -> bool:
    return isinstance(action.default, list)


def _as_type_error(judge: Callable[[], object]) -> None:
    try:
        judge()
    except TokkitError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
