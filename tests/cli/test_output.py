"""Streams, tables and files."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.cli.fake_models import COMPLETION
from tokkit.cli import output


def test_stream_writes_whole_characters_and_stays_valid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writes: list[str] = []
    monkeypatch.setattr(output, "_write", writes.append)
    data = COMPLETION + b"\xff" + "é".encode()[:1]
    assert output.write_stream(bytes([byte]) for byte in data) == data
    assert [text for text in writes if text] == ["n", "é", "😀", "\ufffd", "\ufffd"]


def test_a_piped_table_is_plain_columns(capsys: Any) -> None:
    output.print_table(("text", "a", "long header"), [("x" * 300, "1", "2"), ("y", "22", "[b]")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{'text':<300}   a  long header"
    assert lines[1] == f"{'x' * 300}   1            2"
    assert lines[2] == f"{'y':<300}  22          [b]"


def test_a_table_on_a_terminal_is_ruled_and_fits(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    output.print_table(("text", "figure"), [("x" * 60, "1")])
    lines = capsys.readouterr().out.splitlines()
    assert set(lines[1]) == {"─"}
    assert "".join(lines[2:]).count("x") == 60
    assert max(map(len, lines[1:])) <= 40
