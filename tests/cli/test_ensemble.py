"""`tokkit ensemble` over fake models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tokkit
from tests.bytelm.test_ensemble import letters
from tests.cli.fake_models import COMPLETION, FakeEnsemble, FakeState
from tokkit import cli
from tokkit.bytelm.ensemble import ByteEnsemble

pytestmark = pytest.mark.usefixtures("models")


def test_the_prompt_of_an_ensemble_is_opened_once(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    opened: list[FakeState] = []
    given: list[FakeState] = []

    def open_and_note(self: FakeEnsemble, prefix: bytes) -> FakeState:
        opened.append(FakeState(self.members, self.weights.tolist(), prefix))
        return opened[-1]

    def stream(self: FakeEnsemble, prompt: bytes, **options: Any) -> Iterator[bytes]:
        given.append(options["state"])
        yield b"a"

    monkeypatch.setattr(FakeEnsemble, "open", open_and_note)
    monkeypatch.setattr(FakeEnsemble, "stream", stream)
    for arguments in ([], ["--json"]):
        assert cli.main(["ensemble", "cheap", "dear", "--prompt", "x", *arguments]) == 0
    assert len(opened) == 2
    assert given == opened


def test_ensemble_reports_on_stderr(capfdbinary: Any) -> None:
    arguments = ["ensemble", "cheap", "dear", "--prompt", "abc", "--weights", "0.2,0.8"]
    assert cli.main(arguments) == 0
    captured = capfdbinary.readouterr()
    assert captured.out == COMPLETION + b"\n"
    header, cheap, dear, *_, footer = captured.err.decode().splitlines()
    assert header.split()[0] == "adaptive"
    assert cheap.split() == ["cheap", "1.0000", "0.2000", "0.8000"]
    assert dear.split() == ["dear", "3.0000", "0.8000", "0.2000"]
    assert footer == "weights at the end: cheap 0.2000, dear 0.8000"


def test_ensemble_json(capsys: Any) -> None:
    arguments = ["ensemble", "cheap", "dear", "--prompt", "", "--combine", "product", "--json"]
    assert cli.main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["combine"] == "product"
    assert bytes.fromhex(result["completion_hex"]) == COMPLETION
    assert result["models"][1] == {
        "model": "dear",
        "prompt_bits_per_byte": None,
        "prior": 0.5,
        "posterior": 0.5,
        "posterior_after_completion": 0.5,
    }


def test_a_page_shows_who_spoke_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfdbinary: Any
) -> None:
    made = {"one": letters(b"ab", 0), "two": letters(b"ab", 1)}
    monkeypatch.setitem(vars(tokkit), "load_lm", lambda source, **_: made[source])
    monkeypatch.setitem(vars(tokkit), "ByteEnsemble", ByteEnsemble)
    arguments = ["ensemble", "one", "two", "--prompt", "ab", "--max-bytes", "5", "--seed", "0"]
    assert cli.main(arguments) == 0
    plain = capfdbinary.readouterr()
    assert cli.main([*arguments, "--html", str(tmp_path / "who.html")]) == 0
    assert capfdbinary.readouterr() == plain
    page = (tmp_path / "who.html").read_text(encoding="utf-8")
    assert page.count(' given"') == 4
    assert cli.main([*arguments, "--html", "-"]) == 2


def test_a_tolerance_reaches_the_ensemble(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    found: list[float] = []

    def made(members: list[Any], **options: Any) -> ByteEnsemble:
        found.append(options["tolerance"])
        return ByteEnsemble(members, **options)

    loaded = {"one": letters(b"ab", 0), "two": letters(b"ab", 1)}
    monkeypatch.setitem(vars(tokkit), "load_lm", lambda source, **_: loaded[source])
    monkeypatch.setitem(vars(tokkit), "ByteEnsemble", made)
    arguments = ["ensemble", "one", "two", "--prompt", "ab", "--max-bytes", "60", "--seed", "0"]
    assert cli.main([*arguments, "--tolerance", "0.9", "--json"]) == 0
    assert found == [0.9]
    assert json.loads(capsys.readouterr().out)["tolerance"] == 0.9
    assert cli.main([*arguments, "--tolerance", "1"]) == 2
    assert "--tolerance" in capsys.readouterr().err
