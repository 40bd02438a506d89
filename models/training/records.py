"""What a training tells of itself, a line of JSON each: the loss of a step, or an evaluation."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokkit.errors import FormatError, refused_by_system
from tokkit.files.json_text import parse_json, want_int, want_number, want_object
from tokkit.files.writing import whole_file

RECORDS = "records.jsonl"


@dataclass(frozen=True)
class Record:
    """A step, or an evaluation after it.

    Attributes:
        step: number of updates made.
        seconds: spent on them.
        loss: of the last of them, before it; None for an evaluation.
        learning_rate: of it; None for an evaluation.
        evaluation: name -> figure; empty for a step.
    """

    step: int
    seconds: float
    loss: float | None = None
    learning_rate: float | None = None
    evaluation: Mapping[str, float] = field(default_factory=dict[str, float])

    def to_json(self) -> str:
        """One line."""
        values: dict[str, Any] = {"step": self.step, "seconds": self.seconds}
        if self.evaluation:
            values["evaluation"] = dict(self.evaluation)
        else:
            values |= {"loss": self.loss, "learning_rate": self.learning_rate}
        return json.dumps(values)

    @classmethod
    def from_json(cls, line: bytes, where: str) -> Record:
        """The record of a line.

        Raises:
            FormatError: it is none.
        """
        values = want_object(parse_json(line, where), where)
        step = want_int(values.get("step"), f"{where}: step")
        seconds = want_number(values.get("seconds"), f"{where}: seconds")
        if "evaluation" in values:
            named = want_object(values["evaluation"], f"{where}: evaluation")
            figures = {name: want_number(each, f"{where}: {name}") for name, each in named.items()}
            return cls(step, seconds, evaluation=figures)
        loss = want_number(values.get("loss"), f"{where}: loss")
        rate = want_number(values.get("learning_rate"), f"{where}: learning_rate")
        return cls(step, seconds, loss, rate)


def read_records(path: Path) -> list[Record]:
    """The records of a file; a last line that was cut off while it was written is left out.

    Raises:
        FormatError: it cannot be read, or holds something else.
    """
    with refused_by_system(f"read {str(path)!r}"):
        lines = path.read_bytes().split(b"\n")
    return [Record.from_json(line, f"{path}: line {n}") for n, line in enumerate(lines[:-1], 1)]


class RecordFile:
    """The records of a training, in memory and, if there is a folder, in a file.

    Attributes:
        records: all so far.
    """

    def __init__(self, folder: Path | None, *, n_kept: int = 0) -> None:
        """Go on after the first `n_kept` records of a folder; what follows them is dropped.

        Raises:
            FormatError: the file cannot be read or written, or holds fewer.
        """
        self.records: list[Record] = []
        self._path = None if folder is None else folder / RECORDS
        self._unwritten: list[Record] = []
        if self._path is None:
            return
        if n_kept:
            self.records = read_records(self._path)[:n_kept] if self._path.exists() else []
            if len(self.records) < n_kept:
                raise FormatError(
                    f"{self._path}: {len(self.records)} records, but the checkpoint beside it was "
                    f"written after {n_kept}; restore the file, or begin in a new folder"
                )
        with refused_by_system(f"write {str(self._path)!r}"), whole_file(self._path) as stream:
            stream.write(_lines(self.records))

    def add(self, record: Record) -> None:
        """Keep a record; it is in the file after `flush`."""
        self.records.append(record)
        self._unwritten.append(record)

    def flush(self) -> None:
        """Bring what was added to the disk."""
        if self._path is not None and self._unwritten:
            with refused_by_system(f"write {str(self._path)!r}"), self._path.open("ab") as stream:
                stream.write(_lines(self._unwritten))
                stream.flush()
                os.fsync(stream.fileno())
        self._unwritten = []


def _lines(records: Iterable[Record]) -> bytes:
    return "".join(f"{record.to_json()}\n" for record in records).encode()
