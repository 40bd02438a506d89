"""What has been scored, a line of JSON each, so that an interrupted run goes on: `Records`.

The first line says what was asked for; another run must ask for the same. A further one is the mark
of a model (`marks`), so that another one of its name is refused, or a text, or the beginning of
one, under a model, with a digest of the bytes that were scored: a text that has changed since is
refused. A last line that was cut off while it was written is left out.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from tokkit.bytelm.byte_model import ByteModel
from tokkit.errors import ArgumentError, FormatError, refused_by_system
from tokkit.files.json_text import parse_json, want_object
from tokkit.scoring.marks import Mark, mark_of
from tokkit.version import VERSION

_FORMAT = "tokkit score records"
_FIRST = json.dumps({"format": _FORMAT}).encode()[:-1]
"""How the first line begins, which may have been cut off."""


@dataclass(frozen=True)
class Progress:
    """How far a text has been scored under a model.

    Attributes:
        model: by name.
        document: its number, from 0.
        name: of the text.
        end: bytes that are scored.
        digest: of them, in hexadecimal.
        logprob: nats, of them; None for minus infinity.
        highest_logprob: see `TextScore`.
        tokenization_logprob: nats, of the tokens that begin in them; None where they have none.
        tokens_end: where these tokens end.
        impossible: see `TextScore`.
        is_whole: whether the text ends there.
    """

    model: str
    document: int
    name: str
    end: int
    digest: str
    logprob: float | None
    highest_logprob: float | None = None
    tokenization_logprob: float | None = None
    tokens_end: int = 0
    impossible: str | None = None
    is_whole: bool = True


_MARK_KINDS = {"model": str, "options": dict, "probe": (int, float, type(None))}
_KINDS = {
    "model": str, "document": int, "name": str, "end": int, "digest": str,
    "logprob": (int, float, type(None)), "highest_logprob": (int, float, type(None)),
    "tokenization_logprob": (int, float, type(None)), "tokens_end": int,
    "impossible": (str, type(None)), "is_whole": bool,
}  # fmt: skip


class Records:
    """The records of a run: in memory, and in a file where there is one."""

    def __init__(self, stream: BinaryIO | None, known: Iterable[Progress | Mark] = ()) -> None:
        """Take what is known; `open` reads it."""
        self._stream = stream
        self._known: dict[tuple[str, int], Progress] = {}
        self._marks: dict[str, Mark] = {}
        for each in known:
            self._learn(each)

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None, settings: Mapping[str, Any]) -> Self:
        """Go on with the records of a file, or begin a new one.

        Args:
            path: of the file; None keeps none.
            settings: what was asked for, plain data.

        Raises:
            ArgumentError: the file is of another run.
            FormatError: it cannot be read or written, or is damaged.
        """
        if path is None:
            return cls(None)
        asked = {"format": _FORMAT, "version": VERSION, **settings}
        target = Path(path)
        with refused_by_system(f"write {str(target)!r}"):
            data = target.read_bytes() if target.exists() else b""
            whole = data[: data.rfind(b"\n") + 1]
            first, *lines = whole.splitlines() or [b""]
            if first:
                _check_same(first, asked, str(target))
            elif not (_FIRST.startswith(data) or data.startswith(_FIRST)):
                raise _no_records(str(target))
            known = [_line(line, f"{target}: line {n}") for n, line in enumerate(lines, 2)]
            stream = target.open("r+b" if target.exists() else "w+b")
            stream.truncate(len(whole))
            stream.seek(len(whole))
            if not first:
                stream.write(json.dumps(asked).encode() + b"\n")
                stream.flush()
        return cls(stream, known)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def begin(self, name: str, lm: ByteModel) -> None:
        """Say which model goes by a name in what follows; where nothing is kept, it is not asked.

        Raises:
            ArgumentError: the records are of another model of this name.
            FormatError: it cannot be written.
        """
        if self._stream is None:
            return
        mark = mark_of(name, lm)
        known = self._marks.get(name)
        if known is None and any(model == name for model, _ in self._known):
            raise ArgumentError(
                f"the records do not say which model {name!r} was; give another file of records"
            )
        if known is None:
            self._add(mark)
        elif told := known.difference(mark):
            raise ArgumentError(
                f"the records are of another model named {name!r} ({told}); give another file of "
                "records, or the model another name"
            )

    def of(self, model: str, document: int, name: str) -> Progress | None:
        """How far a text has been scored; None for not at all.

        Raises:
            ArgumentError: the record is of another text.
        """
        found = self._known.get((model, document))
        if found is not None and found.name != name:
            raise ArgumentError(
                f"the records are of other texts: number {document + 1} was {found.name!r}, and is "
                f"{name!r}; give another file of records"
            )
        return found

    def add(self, progress: Progress) -> None:
        """Keep how far a text has been scored.

        Raises:
            FormatError: it cannot be written.
        """
        self._add(progress)

    def _add(self, found: Progress | Mark) -> None:
        self._learn(found)
        if self._stream is not None:
            with refused_by_system("write the records"):
                self._stream.write(json.dumps(asdict(found)).encode() + b"\n")
                self._stream.flush()

    def _learn(self, found: Progress | Mark) -> None:
        if isinstance(found, Mark):
            self._marks[found.model] = found
        else:
            self._known[found.model, found.document] = found


def changed_text(name: str) -> ArgumentError:
    """The error of a text that is not what it was."""
    return ArgumentError(
        f"{name}: has changed since the records of it were written; give another file of records"
    )


def finite(value: float | None) -> float | None:
    """A figure for JSON, which lacks infinity."""
    return None if value is None or math.isinf(value) else value


def _no_records(where: str) -> FormatError:
    return FormatError(f"{where}: holds no records of scores; give another file")


def _check_same(line: bytes, asked: Mapping[str, Any], where: str) -> None:
    found = want_object(parse_json(line, where), where)
    if found.get("format") != _FORMAT:
        raise _no_records(where)
    told = dict(asked)
    for name in {*found, *told} - {"version"}:
        if found.get(name) != told.get(name):
            raise ArgumentError(
                f"{where}: records of another run ({name} was {found.get(name)!r}, and is "
                f"{told.get(name)!r}); give another file, or ask for the same"
            )


def _line(line: bytes, where: str) -> Progress | Mark:
    values = want_object(parse_json(line, where), where)
    made, kinds = (Mark, _MARK_KINDS) if "probe" in values else (Progress, _KINDS)
    wrong = [name for name, kind in kinds.items() if not isinstance(values.get(name), kind)]
    flags = {name for name, value in values.items() if isinstance(value, bool)}
    if wrong or set(values) != set(kinds) or not flags <= {"is_whole"}:
        raise FormatError(f"{where}: no record of a score; give another file")
    return made(**values)  # pyright: ignore[reportArgumentType]
