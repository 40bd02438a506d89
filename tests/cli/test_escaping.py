"""Text of others neither steers the terminal nor is taken for markup, wherever it comes from."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tokkit
from tests.cli.fake_models import FakeLM
from tests.mixture.toy_mixture import train, write_samples
from tokkit.cli import main

HOSTILE = "[bold]x[/bold]\x1b[31m\x07\u202e"
SHOWN = r"[bold]x[/bold]\x1b[31m\x07\u202e"
CONTROLS = {chr(code) for code in (*range(32), *range(127, 160))} - {"\n", "\t"} | {"\u202e"}

pytestmark = pytest.mark.usefixtures("models")


class Terminal(io.TextIOWrapper):
    """A terminal without colours, so that any escape comes from the text."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        return self.buffer.getvalue().decode()  # pyright: ignore[reportAttributeAccessIssue]


def run(*words: str, terminal: bool, expected: int = 0) -> str:
    """What a command writes to stdout and stderr."""
    streams: list[Any] = [Terminal() if terminal else io.TextIOWrapper(io.BytesIO())] * 2
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        assert main(list(words)) == expected
    streams[0].flush()
    return streams[0].buffer.getvalue().decode()


@pytest.fixture(params=[False, True], ids=["piped", "terminal"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "dumb")  # rich draws nothing; see also the test with colours
    monkeypatch.setenv("COLUMNS", "200")
    return request.param


def is_harmless(text: str) -> bool:
    return CONTROLS.isdisjoint(text)


def test_names_of_models_in_tables(terminal: bool, models: dict[str, FakeLM]) -> None:
    models["hostile"] = FakeLM(HOSTILE)
    written = run("score", "hostile", "--text", "abc", terminal=terminal)
    assert is_harmless(written)  # it names models as the user did
    written = run("ensemble", "hostile", "cheap", "--prompt", "a", terminal=terminal)
    assert written.count(SHOWN) == 2
    assert is_harmless(written)


def test_what_the_command_line_says(terminal: bool) -> None:
    for words in (
        ["complete", HOSTILE, "--prompt", "x"],
        [HOSTILE],
        ["complete", "cheap", f"--{HOSTILE}"],
        ["complete", "cheap", "--unit", HOSTILE],
        ["complete", "cheap", "--max-bytes", HOSTILE],
        ["complete", "cheap", "--prompt-file", HOSTILE],
        ["complete", "cheap", HOSTILE],
    ):
        written = run(*words, terminal=terminal, expected=2)
        assert written.startswith("tokkit: error: ")
        assert "[bold]x[/bold]" in written
        assert is_harmless(written)


def test_pieces_of_tokens(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    token = f"a{HOSTILE}".encode()
    tokenizer = SimpleNamespace(
        iter_encode=lambda data, *, specials: iter([7, 8]),
        token_bytes=lambda token_id: token,
    )
    monkeypatch.setitem(vars(tokkit), "load_tokenizer", lambda source, **_: tokenizer)
    written = run("tokenize", "any", "--text", "x", terminal=terminal)
    assert "a[bold]x[/bold]" in written
    assert is_harmless(written)


def test_what_a_model_writes_steers_no_terminal_and_is_itself_in_a_pipe(
    terminal: bool, models: dict[str, FakeLM]
) -> None:
    models["hostile"] = FakeLM("hostile", completion=HOSTILE.encode() + b"\n\tend")
    written = run("complete", "hostile", "--prompt", "x", terminal=terminal)
    assert written == (SHOWN if terminal else HOSTILE) + "\n\tend\n"


def test_names_of_categories(terminal: bool, tmp_path: Path) -> None:
    train(tmp_path / "tokenizer.json", n_bytes=50_000, vocab_size=400)
    folder = write_samples(tmp_path / "samples", n_bytes=30_000)
    (folder / "north.txt").rename(folder / "[red]n\x1b[31morth.txt")
    monkeypatched = pytest.MonkeyPatch()
    with monkeypatched.context() as patch:
        from tokkit.text.tokenizer import load_tokenizer

        patch.setitem(vars(tokkit), "load_tokenizer", load_tokenizer)
        words = ("mixture", str(tmp_path / "tokenizer.json"), str(folder))
        written = run(*words, terminal=terminal)
        found = json.loads(run(*words, "--json", terminal=False))
    assert r"[red]n\x1b[31morth" in written
    assert is_harmless(written)
    assert "[red]n\x1b[31morth" in {each["name"] for each in found["categories"]}


def test_coloured_tokens_hold_no_escape_but_those_of_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    tokenizer = SimpleNamespace(
        iter_encode=lambda data, *, specials: iter([1, 2]),
        token_bytes=lambda token_id: b"[red]\x1b]0;x\x07",
    )
    monkeypatch.setitem(vars(tokkit), "load_tokenizer", lambda source, **_: tokenizer)
    written = run("tokenize", "any", "--text", "x", terminal=True)
    reset, dim, cyan, yellow = "\x1b[0m", "\x1b[2m", "\x1b[36m", "\x1b[33m"
    piece = r"'[red]\x1b]0;x\x07'"
    lines = [
        f"{dim}{number:>8}  {reset}{hue}{piece}{reset}\n"
        for number, hue in ((1, cyan), (2, yellow))
    ]
    assert written == "".join(lines) + "2 tokens, 1 byte\n"


def test_arguments_that_are_no_utf8_are_bytes(models: dict[str, FakeLM]) -> None:
    run("complete", "cheap", "--prompt", "a\udcff", "--stop", "\udcfe", terminal=False)
    assert models["cheap"].calls[0]["prompt"] == b"a\xff"
    assert models["cheap"].calls[0]["stop"] == (b"\xfe",)
    assert "\\udcff" in run("complete", "\udcff", "--prompt", "x", terminal=False, expected=2)
