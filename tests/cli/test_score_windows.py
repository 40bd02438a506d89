"""`tokkit score --window` over a toy model."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tokenizers", reason="trains the toy tokenizer")

import tokkit
from tests.hf.toy_views import TEXT, ngram_lm
from tokkit import cli
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.cli import option_types
from tokkit.scoring.marks import PROBE


@pytest.fixture
def lm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ByteLM:
    lm = ngram_lm(tmp_path)
    monkeypatch.setattr(option_types.Source, "check", lambda self, value: None)
    monkeypatch.setitem(vars(tokkit), "load_lm", lambda source, **_: lm)
    return lm


def test_windows_are_those_of_the_library(lm: ByteLM, capsys: Any) -> None:
    arguments = ["score", "toy", "--text", TEXT, "--window", "60", "--stride", "20", "--json"]
    assert cli.main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["window"], found["stride"]) == (60, 20)
    model = found["models"][0]
    data = TEXT.encode()
    assert model["exact_logprob"] == pytest.approx(lm.logprob(data, window=60, stride=20))
    bits = model["exact_bits_per_byte"]
    assert bits == pytest.approx(-model["exact_logprob"] / len(data) / math.log(2))
    assert model["tokenization_logprob"] == pytest.approx(
        lm.token_logprob(data, window=60, stride=20)
    )


def test_a_text_that_is_too_long_names_the_option(
    lm: ByteLM, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(type(lm.token_lm), "max_context", 20, raising=False)
    assert cli.main(["score", "toy", "--text", TEXT]) == 2
    assert "window=20 bytes or more; --window" in capsys.readouterr().err
    assert cli.main(["score", "toy", "--text", TEXT, "--window", "20"]) == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--stride", "5"], "--stride belongs to --window"),
        (["--window", "5", "--stride", "6"], "leaves out bytes"),
        (["--window", "5", "--encodings", "all"], "canonical encodings"),
        (["--window", "1"], "--window"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_loading(
    options: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(option_types.Source, "check", lambda self, value: None)
    monkeypatch.setitem(vars(tokkit), "load_lm", lambda source, **_: pytest.fail("loaded"))
    try:
        code: Any = cli.main(["score", "toy", "--text", TEXT, *options])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert told in capsys.readouterr().err


def test_a_run_keeps_records_and_draws_a_page_of_models_and_ensemble(
    lm: ByteLM, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "text").write_text(TEXT * 3)
    records, page = tmp_path / "records", tmp_path / "page.html"
    words = ["score", "toy", "other", str(tmp_path / "text"), "--window", "60", "--json"]
    words += ["--combine", "mixture", "--records", str(records), "--html", str(page)]
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert [m["model"] for m in json.loads(out)["models"]] == ["toy", "other", "mixture of all"]
    assert page.read_text(encoding="utf-8").count('<figure class="map"') == 3

    def of_the_mark(lm: ByteLM, data: bytes, **options: Any) -> float:
        assert data == PROBE, "scored again"
        return logprob(lm, data, **options)

    logprob = ByteLM.logprob
    monkeypatch.setattr(ByteLM, "logprob", of_the_mark)
    assert cli.main(words) == 0
    assert capsys.readouterr().out == out


def test_an_interruption_says_how_to_go_on(
    lm: ByteLM, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    def interrupt(*_: object, **__: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(ByteLM, "logprob", interrupt)
    words = ["score", "toy", "--text", TEXT]
    assert cli.main(words) == 130
    assert "goes on" not in capsys.readouterr().err
    records = tmp_path / "records"
    assert cli.main([*words, "--records", str(records)]) == 130
    assert f"is in {records}; the same command goes on" in capsys.readouterr().err
