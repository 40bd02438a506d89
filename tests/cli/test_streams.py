"""Standard streams that are full or closed: a line and exit 2, and remarks never among results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest

import tokkit
from tests.audit.toy_subjects import toy_report, write_two_releases
from tokkit.audit.diff.comparison import TokenizerDiff, compare
from tokkit.cli import main

pytestmark = pytest.mark.usefixtures("models")

WRITING = [
    "--version",
    "--help",
    "--show-completion bash",
    "diff --help",
    "complete cheap --prompt x",
    "complete cheap --prompt x --json",
    "ensemble cheap dear --prompt x",
    "ensemble cheap dear --prompt x --json",
    "score cheap --text x",
    "score cheap --text x --json",
    "tokenize any --text x",
    "tokenize any --text x --json",
    "audit FILE",
    "audit FILE --json",
    "audit FILE --html -",
    "diff FILE FILE",
    "diff FILE FILE --json",
]


@pytest.fixture(scope="module")
def differing(tmp_path_factory: pytest.TempPathFactory) -> TokenizerDiff:
    return compare(*write_two_releases(tmp_path_factory.mktemp("toy")))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, differing: TokenizerDiff) -> Path:
    """A folder with a file, whose audit and diff are known."""
    monkeypatch.setitem(vars(tokkit), "audit_tokenizer", lambda *_, **__: toy_report())
    monkeypatch.setattr("tokkit.audit.diff.comparison.compare", lambda *_, **__: differing)
    (tmp_path / "FILE").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def standing_for(name: str, stream: TextIO | None) -> Generator[None]:
    """A standard stream replaced, by None where it is closed; what took its place is closed too."""
    before = getattr(sys, name)
    setattr(sys, name, stream)
    try:
        yield
    finally:
        getattr(sys, name).close()
        setattr(sys, name, before)


def run(line: str) -> int:
    try:
        return main(line.split())
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize("line", WRITING)
@pytest.mark.parametrize("how", ["full", "closed"])
def test_results_that_cannot_be_written_are_one_line_and_exit_2(
    line: str, how: str, capsys: Any
) -> None:
    full = None if how == "closed" else open("/dev/full", "w")  # noqa: PTH123, SIM115
    with standing_for("stdout", full):
        assert run(line) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith("tokkit: error: cannot write to stdout: ")
    assert sum("tokkit: error" in told for told in err) == 1


@pytest.mark.parametrize("line", [line for line in WRITING if line.endswith("--json")])
def test_remarks_without_stderr_are_lost(line: str, capsys: Any) -> None:
    code = run(line)
    with_stderr = capsys.readouterr().out
    with standing_for("stderr", None):
        assert run(line) == code
    assert capsys.readouterr().out == with_stderr
    json.loads(with_stderr)


def test_a_closed_stdin_is_no_empty_text(capsys: Any) -> None:
    for line in ("complete cheap", "score cheap", "tokenize any", "tokenize any --file -"):
        with standing_for("stdin", None):
            assert run(line) == 2
        assert capsys.readouterr().err.startswith("tokkit: error: cannot read stdin: ")


def test_files_need_no_stdout(place: Path) -> None:
    with standing_for("stdout", None):
        assert run("diff FILE FILE --quiet --html page.html") == 0
    assert (place / "page.html").exists()


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">/dev/full", "2>/dev/full", ">&- 2>&- <&-"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_the_interpreter_ends_quietly(closed: str, unbuffered: str) -> None:
    process = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m tokkit nonsense {closed}', sys.executable],
        capture_output=True,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        check=False,
        timeout=60,
    )
    assert process.returncode == 2
    assert process.stdout == b""
    assert process.stderr.count(b"\n") == ("2" not in closed)


@pytest.mark.parametrize("line", ["--version", "--help", "diff --help"])
def test_a_reader_that_has_gone_ends_help_with_141(line: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "tokkit", *line.split()],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (141, b"")
