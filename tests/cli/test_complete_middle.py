"""`tokkit complete` with a suffix, and by tokens, over a toy model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tokkit
from tests.bytelm.completion.fim_toys import WORDS, with_format
from tests.bytelm.toy_models import RandomLM
from tokkit import cli
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.completion.completion import complete
from tokkit.bytelm.completion.fim_formats import FIM_FORMATS
from tokkit.bytelm.completion.infilling import infill
from tokkit.cli import option_types
from tokkit.text.tokenizer import TextTokenizer

LM = ByteLM(RandomLM(TextTokenizer(with_format(WORDS, FIM_FORMATS["starcoder"]))))


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(option_types.Source, "check", lambda self, value: None)
    monkeypatch.setitem(vars(tokkit), "load_lm", lambda source, **_: LM)


def run_json(capsys: Any, *options: str) -> Any:
    arguments = ["complete", "toy", "--prompt", "b a", "--max-bytes", "6", "--seed", "3", "--json"]
    assert cli.main([*arguments, *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_suffix_asks_for_a_middle(capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "suffix").write_bytes(b"ba b")
    for heal in ("none", "prefix", "both"):
        expected = infill(LM, b"b a", b"ba b", max_bytes=6, seed=3, heal=heal)
        for suffix in (["--suffix", "ba b"], ["--suffix-file", str(tmp_path / "suffix")]):
            found = run_json(capsys, *suffix, "--heal", heal, "--fim", "starcoder")
            assert bytes.fromhex(found["completion_hex"]) == expected
            assert found["suffix"] == "ba b"


def test_a_model_without_a_format_fills_a_gap(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    plain = ByteLM(RandomLM(TextTokenizer(WORDS)))
    monkeypatch.setitem(vars(tokkit), "load_lm", lambda source, **_: plain)
    found = run_json(capsys, "--suffix", "ba b", "--budget", "50", "--temperature", "0")
    expected = infill(plain, b"b a", b"ba b", max_bytes=6, budget=50, seed=3, temperature=0)
    assert bytes.fromhex(found["completion_hex"]) == expected


def test_a_model_with_a_format_may_be_searched_all_the_same(capsys: Any) -> None:
    found = run_json(capsys, "--suffix", "ba b", "--method", "posterior", "--budget", "50")
    expected = infill(LM, b"b a", b"ba b", max_bytes=6, budget=50, seed=3, method="posterior")
    assert bytes.fromhex(found["completion_hex"]) == expected


def test_a_completion_may_be_drawn_by_tokens(capsys: Any) -> None:
    found = run_json(capsys, "--unit", "token")
    expected = complete(LM, b"b a", max_bytes=6, seed=3, unit="token")
    assert bytes.fromhex(found["completion_hex"]) == expected
    assert "suffix" not in found


@pytest.mark.parametrize(
    "options",
    [
        ["--suffix", "b", "--pattern", "a+"],
        ["--unit", "token", "--pattern", "a+"],
        ["--suffix", "b", "--beams", "2"],
        ["--unit", "token", "--beams", "2"],
        ["--suffix", "b", "--fim", "nothing"],
        ["--suffix", "b", "--suffix-file", "x"],
        ["--suffix-file", "/does/not/exist"],
        ["--suffix", "b", "--heal", "all"],
        ["--fim", "starcoder"],
        ["--heal", "both"],
        ["--method", "posterior"],
        ["--suffix", "b", "--method", "posterior", "--heal", "both"],
        ["--suffix", "b", "--method", "format", "--budget", "20"],
        ["--suffix", "b", "--budget", "1"],
        ["--heal", "none", "--beams", "2"],
        ["--unit", "token", "--utf8"],
        ["--unit", "token", "--no-repeat-ngram", "3"],
        ["--unit", "token", "--repetition-penalty", "3"],
        ["--max-bytes", str(2**30 + 1)],
        ["--max-bytes", "1" * 5000],
    ],
)
def test_options_that_do_not_go_together_are_told_before_the_model_is_loaded(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def load_lm(*_: Any, **__: Any) -> Any:
        raise AssertionError("the work has begun")

    monkeypatch.setitem(vars(tokkit), "load_lm", load_lm)
    assert cli.main(["complete", "toy", "--prompt", "a", *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1
