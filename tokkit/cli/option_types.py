"""What an option may be: numbers within bounds, files to read, files to write, tokenizers, models.

A type is the `parser` of a `typer.Option` or `typer.Argument`: called with a text as the command
line is parsed, it refuses what can be no such value. Once all of the line is parsed, `Call.check`
asks each type about the world, before any work is done: is the file there, can that one be written?
Typer hands defaults to a parser as well, so a type takes its own values unchanged.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import typer

from tokkit.arguments import refuse_unknown
from tokkit.errors import TokkitError


class OptionType:
    """A type of options. Its instances are the `parser` of options and arguments."""

    def __call__(self, text: Any) -> Any:
        """The value that a text stands for; a `typer.BadParameter` where it has none."""
        return text

    def check(self, value: Any) -> None:
        """Refuse a value that the world does not fit, by a `typer.BadParameter`."""

    def check_among(self, value: Any, arguments: Mapping[str, Any]) -> None:  # noqa: ARG002
        """`check`, for what depends on the other arguments of a subcommand."""
        self.check(value)

    def candidates(self) -> tuple[str, ...]:
        """What a shell may complete, beside paths."""
        return ()

    paths: str = ""
    """What a shell completes it with: `"files"`, `"folders"`, or nothing."""


class AnyText(OptionType):
    """A text that is right whatever it says, or that a reader judges before the work."""


class Choice(OptionType):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        """One of `words`."""
        self._words = words

    def __call__(self, text: Any) -> str:
        """The word."""
        _as_bad_parameter(lambda: refuse_unknown([text], self._words, what="value"))
        return text

    def candidates(self) -> tuple[str, ...]:
        """The words."""
        return self._words


class Name(OptionType):
    """A name of a table that is too much to import for the help."""

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        """One of `names()`."""
        self._names = names

    def check(self, value: Any) -> None:
        """Whether the table has it."""
        _as_bad_parameter(lambda: refuse_unknown([value], tuple(self._names()), what="value"))

    def candidates(self) -> tuple[str, ...]:
        """The names."""
        return tuple(self._names())


class Whole(OptionType):
    """A whole number within bounds, or one that stands for something else."""

    def __init__(self, least: int, *, most: float = math.inf, other: int | None = None) -> None:
        """From `least` to `most`, or `other`."""
        self._least, self._most = least, most
        self._other = other

    def __call__(self, text: Any) -> int:
        """The number."""
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or (not self._least <= value <= self._most and value != self._other):
            bounds = f"of at least {self._least}"
            if self._most < math.inf:
                bounds = f"from {self._least} to {self._most}"
            other = "" if self._other is None else f", or {self._other}"
            raise typer.BadParameter(f"expected a whole number {bounds}{other}, got {text!r}")
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

    def __call__(self, text: Any) -> float:
        """The number."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        least, most, above, below = self._bounds
        if not (math.isfinite(value) and least <= value <= most and above < value < below):
            raise typer.BadParameter(f"expected {self._expected}, got {text!r}")
        return value


class Numbers(tuple[float, ...]):
    """Several numbers as one value; typer would take a plain tuple for an option of many words."""

    __slots__ = ()


class Each(OptionType):
    """Numbers between commas."""

    def __init__(self, one: Real) -> None:
        """Each of them is `one`."""
        self._one = one

    def __call__(self, text: Any) -> Numbers:
        """The numbers."""
        return text if isinstance(text, Numbers) else Numbers(map(self._one, text.split(",")))


class Bound(NamedTuple):
    """A number for a name."""

    name: str
    value: float


class Pair(OptionType):
    """`NAME=NUMBER`."""

    def __init__(self, value: Whole | Real, check_name: Callable[[str], None]) -> None:
        """A number of a type, for a name that `check_name` lets pass."""
        self._value = value
        self._check_name = check_name

    def __call__(self, text: Any) -> Bound:
        """The name and the number."""
        if isinstance(text, Bound):
            return text
        name, equals, value = text.rpartition("=")
        if not name or not equals:
            raise typer.BadParameter(f"expected NAME=NUMBER, got {text!r}")
        return Bound(name, self._value(value))

    def check(self, value: Any) -> None:
        """Whether there is such a name."""
        _as_bad_parameter(lambda: self._check_name(value.name))


class Checked(OptionType):
    """A text that something else can judge at once."""

    def __init__(self, judge: Callable[[str], object]) -> None:
        """`judge` raises a `TokkitError` for a text that cannot be."""
        self._judge = judge

    def check(self, value: Any) -> None:
        """Whether it passes."""
        _as_bad_parameter(lambda: self._judge(value))


class InputFile(OptionType):
    """A file that can be read; `-` is stdin where the option says so."""

    paths = "files"

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
            raise typer.BadParameter(
                f"cannot read {value!r}: {reason}; give the path of a file"
            ) from None


class OutputFile(OptionType):
    """A file that can be written; `-` is stdout."""

    paths = "files"

    def __init__(self, *, may_replace: str | None = None) -> None:
        """A file that nothing is read from, but by the option of that name, before it."""
        self.may_replace = may_replace

    def check(self, value: Any) -> None:
        """Whether it can be written; nothing is."""
        path = Path(value)
        if value == "-":
            return
        if not value or path.is_dir():
            raise typer.BadParameter(f"cannot write {value!r}: expected a file")
        if not path.parent.is_dir():
            raise typer.BadParameter(
                f"cannot write {value!r}: there is no folder {str(path.parent)!r}"
            )
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise typer.BadParameter(f"cannot write {value!r}: permission denied")


class OutputFolder(OptionType):
    """A folder that is there, or can be made."""

    paths = "folders"

    def check(self, value: Any) -> None:
        """Whether it is no file, nor below one."""
        for path in (Path(value), *Path(value).parents):
            if path.is_dir():
                return
            if path.exists():
                break
        raise typer.BadParameter(f"cannot write into {value!r}: it is no folder")


class NewFolder(OutputFolder):
    """A folder that is empty, or can be made: what is there is never mixed with what comes."""

    def check(self, value: Any) -> None:
        """Whether it is one."""
        from tokkit.files.writing import check_empty_folder

        super().check(value)
        _as_bad_parameter(lambda: check_empty_folder(Path(value)))


class InputFolder(OptionType):
    """A folder to read from; a URL where the option says so."""

    paths = "folders"

    def __init__(self, *, url: bool = False) -> None:
        """Of the file system, or a URL as well."""
        self._url = url

    def check(self, value: Any) -> None:
        """Whether it is there."""
        if not (self._url and "://" in value) and not Path(value).is_dir():
            raise typer.BadParameter(f"{value!r} is no folder")


class Source(OptionType):
    """A tokenizer or a model: a packaged name, a path, or a hub id in the local cache."""

    paths = "files"

    def candidates(self) -> tuple[str, ...]:
        """The packaged models."""
        from tokkit.files.packaged import PACKAGED

        return tuple(PACKAGED)

    def check(self, value: Any) -> None:
        """Whether there is such a thing, here or in the local cache."""
        from tokkit.files.sources import check_source

        _as_bad_parameter(lambda: check_source(value))

    def check_among(self, value: Any, arguments: Mapping[str, Any]) -> None:
        """The same, or something that may be fetched; nothing is."""
        from tokkit.files.sources import check_source

        if arguments.get("allow_download"):
            _as_bad_parameter(lambda: check_source(value, allow_download=True))
        else:
            self.check(value)


class ModelOrFile(Source):
    """A model, or a file with text, which is told by its content; `-` is stdin."""

    def check_among(self, value: Any, arguments: Mapping[str, Any]) -> None:
        """Whether there is such a file, or such a model."""
        if is_text_file(value):
            InputFile(stdin=True).check(value)
        else:
            super().check_among(value, arguments)


def is_text_file(name: str) -> bool:
    """Whether a name is that of a file, and of no model; `-` is stdin."""
    from tokkit.files.gguf_headers import is_gguf
    from tokkit.files.packaged import PACKAGED

    if name == "-":
        return True
    path = Path(name)
    try:
        return name not in PACKAGED and path.is_file() and not is_gguf(path)
    except (OSError, ValueError):
        return False


def _as_bad_parameter(judge: Callable[[], object]) -> None:
    try:
        judge()
    except TokkitError as error:
        raise typer.BadParameter(str(error)) from None
