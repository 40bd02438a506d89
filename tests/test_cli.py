"""The `tokkit` command over fake models."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tokkit
from tokkit import cli
from tokkit.bytelm.beam_search import Beam
from tokkit.cli import option_types, output
from tokkit.errors import ArgumentError, EncodingError, FormatError, TokkitError
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

COMPLETION = "né😀".encode()


@dataclass
class FakeLM:
    """Each byte costs `bits` bits; always says the same."""

    name: str
    bits: float = 1.0
    vocabulary = SimpleNamespace(first_missing=lambda data: data.index(0xFF))
    completion: bytes = COMPLETION
    calls: list[dict[str, Any]] = field(default_factory=list)

    def logprob(self, data: bytes, *, prefix: bytes = b"", end: bool = False) -> float:
        return -self.bits * math.log(2) * len(data)

    def token_logprob(self, data: bytes) -> float:
        if b"\xff" in data:
            raise EncodingError("no token for byte 255")
        return 1.25 * self.logprob(data)

    def generate(self, prompt: bytes, **options: Any) -> bytes:
        return b"".join(self.stream(prompt, **options))

    def stream(self, prompt: bytes, **options: Any) -> Iterator[bytes]:
        self.calls.append({"prompt": prompt, **options})
        if options["max_bytes"] < 0:
            raise ArgumentError(f"max_bytes is {options['max_bytes']};\nexpected at least 0")
        yield from (bytes([byte]) for byte in self.completion)


class FakeState:
    """Each push turns the weights round."""

    def __init__(self, members: list[FakeLM], weights: list[float], prefix: bytes) -> None:
        self.members, self.weights, self.prefix = members, weights, b""
        self.push(prefix)

    def push(self, data: bytes) -> None:
        self.prefix += data
        self.weights = self.weights[::-1]

    def posterior(self) -> np.ndarray:
        return np.array(self.weights)

    def member_prefix_logprobs(self) -> np.ndarray:
        return np.array([member.logprob(self.prefix) for member in self.members])


class FakeEnsemble(FakeLM):
    def __init__(self, members: list[FakeLM], *, weights: list[float] | None, combine: str) -> None:
        super().__init__("+".join(member.name for member in members))
        self.members, self.combine = members, combine
        self.weights = np.array(weights or [1 / len(members)] * len(members))

    def open(self, prefix: bytes) -> FakeState:
        return FakeState(self.members, self.weights.tolist(), prefix)


class FakeTokenizer:
    def iter_encode(self, data: bytes, *, specials: bool = False) -> Iterator[int]:
        yield from [*data, *([999] if specials else [])]

    def token_bytes(self, token: int) -> bytes:
        return bytes([token]) if token < 256 else b""


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeLM]:
    """Fakes in place of the lazily imported public names."""
    models = {"cheap": FakeLM("cheap", 1.0), "dear": FakeLM("dear", 3.0)}

    def load_lm(source: str) -> FakeLM:
        if source not in models:
            raise FormatError(f"there is no model at {source!r}")
        return models[source]

    monkeypatch.setitem(vars(tokkit), "load_lm", load_lm)
    monkeypatch.setitem(vars(tokkit), "ByteEnsemble", FakeEnsemble)
    monkeypatch.setitem(vars(tokkit), "load_tokenizer", lambda source: FakeTokenizer())
    monkeypatch.setattr(option_types.Source, "check", lambda self, value: None)
    return models


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))
    return buffer


def test_complete_streams_the_completion_alone(capfdbinary: Any) -> None:
    assert cli.main(["complete", "cheap", "--prompt", "naï"]) == 0
    captured = capfdbinary.readouterr()
    assert captured.out == COMPLETION + b"\n"
    assert captured.err == b""


def test_stream_writes_whole_characters_and_stays_valid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writes: list[str] = []
    monkeypatch.setattr(output, "_write", writes.append)
    data = COMPLETION + b"\xff" + "é".encode()[:1]
    assert output.write_stream(bytes([byte]) for byte in data) == data
    assert [text for text in writes if text] == ["n", "é", "😀", "\ufffd", "\ufffd"]


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


def test_ensemble_reports_on_stderr(capfdbinary: Any) -> None:
    arguments = ["ensemble", "cheap", "dear", "--prompt", "abc", "--weights", "0.2,0.8"]
    assert cli.main(arguments) == 0
    captured = capfdbinary.readouterr()
    assert captured.out == COMPLETION + b"\n"
    header, cheap, dear, *_, footer = captured.err.decode().splitlines()
    assert header.split()[0] == "mixture"
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


def test_score_prints_models_side_by_side(capsys: Any) -> None:
    assert cli.main(["score", "cheap", "dear", "--text", "four"]) == 0
    header, cheap, dear = capsys.readouterr().out.splitlines()
    assert header.split() == ["4", "bytes", "exact", "bits/byte", "tokenization", "bits/byte"]
    assert cheap.split() == ["cheap", "1.0000", "1.2500"]
    assert dear.split() == ["dear", "3.0000", "3.7500"]


def test_score_json_has_null_where_there_is_no_number(
    capsys: Any, models: dict[str, FakeLM], tmp_path: Path
) -> None:
    models["cheap"].bits = math.inf
    (tmp_path / "text").write_bytes(b"a\xff")
    assert cli.main(["score", "cheap", "--file", str(tmp_path / "text"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert err == "tokkit: error: cheap: no token holds the byte 0xFF, at offset 1\n"
    assert json.loads(out) == {
        "n_bytes": 2,
        "models": [
            {
                "model": "cheap",
                "exact_logprob": None,
                "exact_bits_per_byte": None,
                "tokenization_logprob": None,
                "tokenization_bits_per_byte": None,
                "impossible": "no token holds the byte 0xFF, at offset 1",
            }
        ],
    }


@pytest.mark.parametrize("command", ["tokenize", "encode"])
def test_tokenize_prints_ids_and_pieces(command: str, capsys: Any) -> None:
    assert cli.main([command, "anything", "--text", "aé", "--specials"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "97\t'a'\n195\t'\\xc3'\n169\t'\\xa9'\n999\t''\n"
    assert captured.err == "4 tokens, 3 bytes\n"


def test_tokenize_tells_what_the_unknown_token_stands_for(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    spec = TokenizerSpec(
        name="toy",
        family="unigram",
        token_bytes=(b"", b"a", b"b"),
        kinds=np.array([TokenKind.UNUSED, 0, 0], dtype=np.uint8),
        scores=np.array([0.0, -1.0, -1.0]),
        unk_score=-20.0,
        unk_id=0,
        fuse_unk=True,
    )
    monkeypatch.setitem(vars(tokkit), "load_tokenizer", lambda source: TextTokenizer(spec))
    given = ["tokenize", "anything", "--text", "axyb"]
    assert cli.main([*given, "--unk", "use"]) == 0
    out, err = capsys.readouterr()
    assert out == "1\t'a'\n0\tlost b'xy'\n2\t'b'\n"
    assert "1 unknown tokens stand for 2 bytes" in err
    assert cli.main([*given, "--unk", "use", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tokens"][1]["lost"] == "7879"
    assert cli.main(given) == 2
    assert "byte 0x78" in capsys.readouterr().err


def test_tokenize_json(capsys: Any) -> None:
    assert cli.main(["tokenize", "anything", "--text", "a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "n_bytes": 1,
        "n_tokens": 1,
        "tokens": [{"id": 97, "text": "a", "hex": "61"}],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["complete", "absent", "--prompt", "x"], "there is no model at 'absent'"),
        (
            ["complete", "cheap", "--prompt", "x", "--max-bytes", "-1"],
            "argument --max-bytes: expected a whole number of at least 0, got '-1'",
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
        [],
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


def test_a_terminal_without_a_prompt_is_told(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert cli.main(["complete", "cheap"]) == 2
    assert "there is no text" in capsys.readouterr().err


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
import itertools, sys, types, tokkit, tokkit.cli
talk = lambda prompt, **options: itertools.repeat(b"a", 100_000)
tokkit.load_lm = lambda source: types.SimpleNamespace(stream=talk)
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


def test_progress_is_silent_for_quick_steps(capsys: Any) -> None:
    with output.progress("nothing much"):
        pass
    assert capsys.readouterr().err == ""


def test_progress_speaks_after_a_while(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "PROGRESS_DELAY", 0.0)
    with output.progress("something long"):
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join()
    assert capsys.readouterr().err == "tokkit: something long ...\n"


def test_version_and_help_exit_0(capsys: Any) -> None:
    for argument in ("--version", "--help"):
        with pytest.raises(SystemExit) as exit_info:
            cli.main([argument])
        assert exit_info.value.code == 0
    assert f"tokkit {tokkit.__version__}" in capsys.readouterr().out
