"""`tokkit complete` over fake models."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import tokkit
from tests.cli.fake_models import COMPLETION, FakeLM
from tokkit import cli
from tokkit.bytelm.completion.beam_search import Beam

pytestmark = pytest.mark.usefixtures("models")


def test_complete_streams_the_completion_alone(capfdbinary: Any) -> None:
    assert cli.main(["complete", "cheap", "--prompt", "naï"]) == 0
    captured = capfdbinary.readouterr()
    assert captured.out == COMPLETION + b"\n"
    assert captured.err == b""


def test_sampling_options_reach_the_model(models: dict[str, FakeLM]) -> None:
    options = ["--max-bytes", "7", "--temperature", "0.5", "--top-p", "0.9", "--seed", "3"]
    options += ["--stop", "END", "--stop", "é", "--top-k", "9", "--min-p", "0.1", "--utf8"]
    options += ["--no-repeat-ngram", "20", "--repetition-penalty", "0.2", "--pattern", "[a-z]+"]
    assert cli.main(["complete", "cheap", "--prompt", "x", *options]) == 0
    assert models["cheap"].calls == [
        {
            "prompt": b"x",
            "max_bytes": 7,
            "temperature": 0.5,
            "top_k": 9,
            "top_p": 0.9,
            "min_p": 0.1,
            "repetition_penalty": 0.2,
            "repetition_length": 16,
            "no_repeat_ngram": 20,
            "valid_utf8": True,
            "seed": 3,
            "stop": (b"END", "é".encode()),
            "pattern": "[a-z]+",
        }
    ]


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of every call of a fake `beam_search`."""
    calls: list[dict[str, Any]] = []

    def beam_search(lm: FakeLM, prompt: bytes, **options: Any) -> list[Beam]:
        calls.append({"lm": lm.name, "prompt": prompt, **options})
        return [Beam(COMPLETION, -1.5, True), Beam(b"a\xff", -12.25, False)]

    monkeypatch.setitem(vars(tokkit), "beam_search", beam_search)
    return calls


def test_beams_print_the_best_and_list_all(capfdbinary: Any, searches: list[dict]) -> None:
    options = ["--beams", "2", "--length-penalty", "0.5", "--utf8", "--max-bytes", "9"]
    assert cli.main(["complete", "cheap", "--prompt", "x", "--stop", ".", *options]) == 0
    captured = capfdbinary.readouterr()
    assert captured.out == COMPLETION + b"\n"
    lines = captured.err.decode().splitlines()
    assert lines == ["   -1.5000 nats  'né😀'", "  -12.2500 nats  'a\ufffd' ..."]
    assert searches == [
        {
            "lm": "cheap",
            "prompt": b"x",
            "n_beams": 2,
            "length_penalty": 0.5,
            "max_bytes": 9,
            "stop": (b".",),
            "pattern": None,
            "valid_utf8": True,
        }
    ]


def test_beams_as_json(capsys: Any, searches: list[dict]) -> None:
    assert cli.main(["complete", "cheap", "--prompt", "x", "--beams", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["beams"][1] == {
        "completion": "a\ufffd",
        "completion_hex": "61ff",
        "n_bytes": 2,
        "logprob": -12.25,
        "ended": False,
    }


def test_prompt_comes_from_a_file_or_stdin(
    models: dict[str, FakeLM], tmp_path: Path, stdin: io.BytesIO
) -> None:
    (tmp_path / "prompt").write_bytes(b"raw \xff bytes")
    assert cli.main(["complete", "cheap", "--prompt-file", str(tmp_path / "prompt")]) == 0
    stdin.write(b"from stdin")
    for arguments in ([], ["--prompt-file", "-"]):
        stdin.seek(0)
        assert cli.main(["complete", "cheap", *arguments]) == 0
    prompts = [call["prompt"] for call in models["cheap"].calls]
    assert prompts == [b"raw \xff bytes", b"from stdin", b"from stdin"]


def test_complete_json_keeps_every_byte(capsys: Any, models: dict[str, FakeLM]) -> None:
    models["cheap"].completion = b"ok \xff"
    assert cli.main(["complete", "cheap", "--prompt", "x", "--json", "--seed", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "model": "cheap",
        "prompt": "x",
        "prompt_hex": "78",
        "completion": "ok \ufffd",
        "completion_hex": "6f6b20ff",
        "n_bytes": 4,
        "unit": "byte",
        "seed": 1,
    }


def test_a_terminal_without_a_prompt_is_told(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert cli.main(["complete", "cheap"]) == 2
    assert "there is no text" in capsys.readouterr().err


def test_a_message_is_answered_in_the_models_template(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def stream(lm: Any, prompt: Any, **options: Any) -> Any:
        seen.append(prompt)
        return iter([b"Par", b"is"])

    monkeypatch.setitem(vars(tokkit), "stream_completion", stream)
    assert cli.main(["complete", "cheap", "--chat", "--prompt", "The capital?"]) == 0
    assert capsys.readouterr().out == "Paris\n"
    assert seen == [tokkit.Chat([{"role": "user", "content": "The capital?"}])]
    assert cli.main(["complete", "cheap", "--chat", "--prompt", "a", "--suffix", "b"]) == 2
    assert "--chat goes neither" in capsys.readouterr().err
