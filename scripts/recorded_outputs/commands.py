"""The command: exit codes, JSON, files and errors of every subcommand; tables as presentation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.recorded_outputs.recording import Recording

TIMEOUT = 600

PROGRESS = "tokkit: "
"""Remarks on stderr that begin so and end in `...` are told after a second: they tell the time."""


@dataclass(frozen=True)
class Command:
    """One call of `python -m tokkit`.

    Attributes:
        arguments: of the command; paths from the folder of the inputs, or names of `files`.
        stdin: what it reads.
        files: names of files that it may write; those that it does are outputs.
        plain: whether stdout is for people.
        usage: whether an error is one of the command line, whose wording is for people.
        pages: files that are for people.
    """

    arguments: tuple[str, ...]
    stdin: bytes = b""
    files: tuple[str, ...] = ()
    plain: bool = False
    usage: bool = False
    pages: tuple[str, ...] = ()


def run_command(recording: Recording, name: str, command: Command) -> None:
    """Run it, and keep exit code, stdout, files, and the last line of an error."""
    folder = Path("written") / name.replace("/", ".")
    folder.mkdir(parents=True)
    arguments = [
        (folder / each).as_posix() if each in command.files else each for each in command.arguments
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tokkit", *arguments],
        input=command.stdin,
        capture_output=True,
        env=_environment(),
        timeout=TIMEOUT,
        check=False,
    )
    recording.note(f"{name}/exit", done.returncode)
    stdout = done.stdout.decode(errors="replace")
    recording.note(f"{name}/stdout", stdout, presentation=command.plain)
    for each in command.files:
        if (folder / each).is_file():
            text = (folder / each).read_text(encoding="utf-8")
            recording.note(f"{name}/{each}", text, presentation=each in command.pages)
    told = [
        line
        for line in done.stderr.decode(errors="replace").splitlines()
        if not (line.startswith(PROGRESS) and line.endswith(" ..."))
    ]
    if done.returncode:
        last = told[-1] if told else ""
        recording.note(f"{name}/error", last, presentation=command.usage)
    elif command.plain:
        recording.note(f"{name}/stderr", "\n".join(told), presentation=True)


def _environment() -> Mapping[str, str]:
    plain = {"NO_COLOR": "1", "COLUMNS": "100", "TERM": "dumb", "PYTHONIOENCODING": "utf-8"}
    return os.environ | plain
