"""Ctrl-C ends a server as it ends any other command."""

from __future__ import annotations

import signal
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the serve extra")

import tokkit
from tests.bytelm.toy_models import ab_lm
from tokkit.cli import main


@pytest.mark.usefixtures("sigint_raises")
def test_it_ends_with_130_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def help_and_press(*_: Any) -> str:
        signal.raise_signal(signal.SIGINT)
        return "help"

    monkeypatch.setattr("tokkit.cli.option_types.Source.check", lambda *_: None)
    monkeypatch.setattr("tokkit.serve.setup_help.setup_help", help_and_press)
    monkeypatch.setattr("tokkit.serve.chat.conversation.template_of", lambda *_: None)
    monkeypatch.setitem(vars(tokkit), "load_lm", lambda *_, **__: ab_lm("one", "abab"))
    before = signal.getsignal(signal.SIGINT)
    assert main(["serve", "one", "--port", "0"]) == 130
    out, err = capsys.readouterr()
    assert out.startswith("http://127.0.0.1:")
    assert "Traceback" not in err and "Error" not in err
    assert signal.getsignal(signal.SIGINT) is before
