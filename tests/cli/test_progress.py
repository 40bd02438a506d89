"""Progress: on stderr, after a second, on a terminal only."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from typing import Any

import pytest

from tokkit.cli import progress as module
from tokkit.cli.progress import Meter, counted, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal to put in place of stderr (pytest does so too, after set-up); no delay."""
    monkeypatch.setattr(module, "PROGRESS_DELAY", 0.0)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come")


def test_progress_is_silent_for_quick_steps(capsys: Any) -> None:
    with progress("nothing much"):
        pass
    assert capsys.readouterr().err == ""


def test_progress_is_silent_where_there_is_no_terminal(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROGRESS_DELAY", 0.0)
    with progress("something long"):
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join()
    with Meter() as meter:
        for done in range(3):
            meter("counting", done, 3)
    assert capsys.readouterr().err == ""


def test_a_spinner_tells_the_time_so_far(terminal: Terminal) -> None:
    with redirect_stderr(terminal), progress("loading [bold]x[/bold]"):
        wait_for(lambda: "elapsed" in terminal.getvalue())
    assert "loading [bold]x[/bold]" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is cleared


def test_a_bar_tells_the_time_left_and_steps_follow_each_other(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Meter() as meter:
        meter("counting", 1, 4)
        meter("estimating", 0, 0)
        meter("replaying", 3, 4)
        wait_for(lambda: "75%" in terminal.getvalue())
    drawn = terminal.getvalue()
    places = [drawn.index(each) for each in ("counting", "25%", "estimating", "replaying", "75%")]
    assert places == sorted(places)
    assert "left" in drawn


def test_a_long_name_leaves_room_for_the_bar(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with redirect_stderr(terminal), Meter() as meter:
        meter(f"counting {'x' * 90}", 1, 4)
    assert "counting xxxxx…" in terminal.getvalue()
    assert "25%" in terminal.getvalue()
    assert "left" in terminal.getvalue()


def test_a_dumb_terminal_gets_a_line_a_step(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with redirect_stderr(terminal), Meter() as meter:
        for done in range(3):
            meter("counting", done, 3)
        meter("estimating", 0, 1)
    assert terminal.getvalue() == "tokkit: counting ...\ntokkit: estimating ...\n"


def test_pieces_pass_through_a_counted_bar(terminal: Terminal) -> None:
    with redirect_stderr(terminal):
        assert list(counted("generating", [b"ab", b"c"], 6)) == [b"ab", b"c"]
    assert "generating" in terminal.getvalue()
    assert "50%" in terminal.getvalue()
    assert "elapsed" not in terminal.getvalue()


def test_names_of_steps_cannot_colour_the_terminal(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Meter() as meter:
        meter("loading \x1b[31m[red]x", 1, 4)
    assert "loading \\x1b[31m[red]x" in terminal.getvalue()


def test_a_step_that_fails_leaves_the_terminal_clean(terminal: Terminal) -> None:
    def fail() -> None:
        with redirect_stderr(terminal), Meter() as meter:
            meter("counting", 1, 4)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("\x1b[?25l")
