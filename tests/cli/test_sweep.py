"""Every subcommand on terminals, also a dumb one, in a pipe, and with a reader that has gone."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import tokkit
from tests.audit.toy_subjects import toy_report, write_two_releases
from tests.cli.fake_models import FakeLM
from tokkit.audit.diff.comparison import TokenizerDiff, compare
from tokkit.cli import main
from tokkit.cli.registry import ENTRIES
from tokkit.report.layout import columns_of

LINES = (
    "complete cheap --prompt x",
    "ensemble cheap dear --prompt x",
    "score cheap dear --text x",
    "score cheap dear a/rather/long/name/of/a/folder/text text",
    "tokenize one.json --text the",
    "audit one.json",
    "compare one.json three.json text --texts parallel",
    "diff one.json three.json",
    "merge one.json text",
    "mixture one.json samples",
)
OTHERS = {"serve": "ends when it is told to", "train": "takes long", "transfer": "takes long"}
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal(io.TextIOWrapper):
    """A terminal that remembers what was written."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode()  # pyright: ignore[reportAttributeAccessIssue]


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TokenizerDiff]:
    """A folder with tokenizers and texts, and how the tokenizers differ."""
    folder = tmp_path_factory.mktemp("toys")
    difference = compare(*write_two_releases(folder))
    deep = folder / "a/rather/long/name/of/a/folder"
    for path in (deep, folder / "parallel", folder / "samples"):
        path.mkdir(parents=True)
    for path in (deep / "text", folder / "text"):
        path.write_text("the quick brown fox, the lazy dog\n" * 30)
    for code, text in {"eng": "the sea\nthe dog", "rus": "привет море\nмир"}.items():
        (folder / "parallel" / f"{code}.txt").write_text(text)
        (folder / "samples" / f"{code} and a long name.txt").write_text(f"{text}\n" * 50)
    return folder, difference


@pytest.fixture(autouse=True)
def place(
    toys: tuple[Path, TokenizerDiff], models: dict[str, FakeLM], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, with models that always say the same."""
    from tokkit.text.tokenizer import load_tokenizer

    folder, difference = toys
    assert models
    monkeypatch.setitem(vars(tokkit), "load_tokenizer", load_tokenizer)
    monkeypatch.setitem(vars(tokkit), "audit_tokenizer", lambda *_, **__: toy_report())
    monkeypatch.setattr("tokkit.audit.diff.comparison.compare", lambda *_, **__: difference)
    monkeypatch.chdir(folder)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def on_terminal(line: str, monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """What a command writes to a terminal, by stdout and stderr."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        patch.setattr(sys, "stderr", terminal)
        assert main(line.split()) in (0, 1)
    return terminal.text()


def test_every_subcommand_is_swept() -> None:
    assert {line.split()[0] for line in LINES} | set(OTHERS) == {entry.name for entry in ENTRIES}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("columns", [70, 200])
def test_lines_stay_within_the_terminal(
    line: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = on_terminal(line, monkeypatch, TERM="xterm-256color", COLUMNS=str(columns))
    lines = CONTROL.sub("", out).splitlines()
    told = [line for line in lines if not line.startswith("tokkit: ")]  # each stays one line
    assert max(map(columns_of, told)) <= columns
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("line", LINES)
def test_no_colour_where_none_is_wanted(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = on_terminal(line, monkeypatch, TERM="xterm-256color", NO_COLOR="1")
    assert not re.search(r"\x1b\[([0-9;]*;)?[34][0-9]", out)
    dumb = on_terminal(line, monkeypatch, TERM="dumb", COLUMNS="80")
    assert "\x1b" not in dumb
    assert not re.search("[─━╭│]", dumb)


@pytest.mark.parametrize("line", LINES)
def test_a_pipe_has_plain_text_and_no_progress(line: str, capsys: Any) -> None:
    assert main(line.split()) in (0, 1)
    out, err = capsys.readouterr()
    assert out
    assert "\x1b" not in out + err
    assert "\r" not in out + err
    assert not re.search("[─━╭│]", out + err)


@pytest.mark.parametrize("line", LINES)
def test_a_reader_that_has_gone_is_no_error(
    line: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as gone, monkeypatch.context() as patch:  # noqa: PTH123
        patch.setattr(sys, "stdout", gone)
        assert main(line.split()) == 141
    assert "error" not in capsys.readouterr().err


def test_without_a_subcommand_the_help_is_told_and_nothing_was_done(capsys: Any) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: tokkit [OPTIONS] COMMAND" in err
