"""What every subcommand shares: exit codes, errors in one line, interruptions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import tokkit
from tests.cli.fake_models import FakeLM
from tokkit import cli
from tokkit.errors import TokkitError

pytestmark = pytest.mark.usefixtures("models")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["complete", "absent", "--prompt", "x"], "there is no model at 'absent'"),
        (
            ["complete", "cheap", "--prompt", "x", "--max-bytes", "-1"],
            "argument --max-bytes: expected a whole number from 0 to 1073741824, got '-1'",
        ),
        (
            ["complete", "cheap", "--prompt", "x", "--beams", "2", "--top-k", "3"],
            "--top-k is about sampling",
        ),
        (
            ["complete", "cheap", "--prompt", "x", "--length-penalty", "1"],
            "--length-penalty is about beams",
        ),
        (
            ["complete", "cheap", "--prompt-file", "/absent"],
            "argument --prompt-file: cannot read '/absent'",
        ),
        (["score", "cheap", "--text", ""], "the text is empty"),
        (
            ["ensemble", "cheap", "dear", "--prompt", "x", "--weights", "1"],
            "--weights has 1 numbers for 2 models",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], message: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKKIT_DEBUG", raising=False)
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"tokkit: error: {message}")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["complete", "--max-bytes", "3"],
        ["complete", "cheap", "--max-bytes", "many"],
        ["complete", "cheap", "--prompt", "x", "--prompt-file", "y"],
        ["ensemble", "cheap"],
        ["ensemble", "cheap", "dear", "--weights", "a,b"],
        ["ensemble", "cheap", "dear", "--combine", "vote"],
    ],
)
def test_bad_usage_exits_2(arguments: list[str], capsys: Any) -> None:
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tokkit: error: ")
    assert err.count("\n") == 1


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKKIT_DEBUG", "1")
    with pytest.raises(TokkitError):
        cli.main(["complete", "absent", "--prompt", "x"])


@pytest.mark.parametrize(
    "error", [MemoryError("of 3 GiB"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_too_little_memory_is_one_line(
    error: Exception, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(_: object) -> int:
        raise error

    monkeypatch.delenv("TOKKIT_DEBUG", raising=False)
    monkeypatch.setattr(cli, "_run", run_out)
    assert cli.main([]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"tokkit: error: there is not enough memory ({error});")
    assert told.count("\n") == 1


def test_interrupt_exits_130_quietly(
    capsys: Any, models: dict[str, FakeLM], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(prompt: bytes, **options: Any) -> Iterator[bytes]:
        yield b"a"
        raise KeyboardInterrupt

    monkeypatch.setattr(models["cheap"], "stream", interrupt)
    assert cli.main(["complete", "cheap", "--prompt", "x"]) == 130
    assert capsys.readouterr().err == ""


CHATTERBOX = """
import itertools, sys, types, tokkit, tokkit.cli.option_types
talk = lambda prompt, **options: itertools.repeat(b"a", 100_000)
tokkit.load_lm = lambda source, **_: types.SimpleNamespace(stream=talk)
tokkit.cli.option_types.Source.check = lambda self, value: None
sys.exit(tokkit.cli.main(["complete", "any", "--prompt", "x"]))
"""


def test_a_broken_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-c", CHATTERBOX],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert process.stderr == b""
    assert process.returncode == 141


def test_version_and_help_exit_0(capsys: Any) -> None:
    for argument in ("--version", "--help"):
        with pytest.raises(SystemExit) as exit_info:
            cli.main([argument])
        assert exit_info.value.code == 0
    assert f"tokkit {tokkit.__version__}" in capsys.readouterr().out
