"""`tokkit score --encodings all` over a toy model."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import tokkit
from tests.bytelm.toy_models import ab_lm
from tokkit import cli
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.encodings.all_encodings_state import AllEncodingsState
from tokkit.cli import option_types

TEXT = b"abab"


@pytest.fixture
def lm(monkeypatch: pytest.MonkeyPatch) -> ByteLM:
    lm = ab_lm("toy", "abab", "aab")
    monkeypatch.setattr(option_types.Source, "check", lambda self, value: None)

    def load_lm(source: str, *, allow_download: bool, **options: Any) -> ByteLM:
        return ByteLM(lm.token_lm, **options, name="toy")

    monkeypatch.setitem(vars(tokkit), "load_lm", load_lm)
    return lm


def bits(logprob: float) -> float:
    return -logprob / np.log(2) / len(TEXT)


def test_json_has_both_bounds_of_the_beam_that_was_asked_for(lm: ByteLM, capsys: Any) -> None:
    arguments = ["score", "toy", "--text", TEXT.decode(), "--encodings", "all", "--beam", "1"]
    assert cli.main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    state = ByteLM(lm.token_lm, encodings="all", beam=1).open(TEXT)
    assert isinstance(state, AllEncodingsState)
    low, high = state.logprob_bounds
    assert low < high
    tokenization = lm.token_logprob(TEXT)
    assert (found["n_bytes"], found["encodings"]) == (len(TEXT), "all")
    assert found["models"] == [
        {
            "model": "toy",
            "logprob": pytest.approx(low),
            "bits_per_byte": pytest.approx(bits(low)),
            "highest_logprob": pytest.approx(high),
            "least_bits_per_byte": pytest.approx(bits(high)),
            "tokenization_logprob": pytest.approx(tokenization),
            "tokenization_bits_per_byte": pytest.approx(bits(tokenization)),
            "impossible": None,
            "interval": None,
        }
    ]


def test_the_table_has_one_line_a_model(lm: ByteLM, capsys: Any) -> None:
    assert cli.main(["score", "toy", "other", "--text", TEXT.decode(), "--encodings", "all"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.startswith("4 bytes  all encodings bits/byte  at least  tokenization bits/byte")
    exact = f"{bits(ByteLM(lm.token_lm, encodings='all').logprob(TEXT)):.4f}"
    expected = [exact, exact, f"{bits(lm.token_logprob(TEXT)):.4f}"]
    assert [line.split() for line in lines] == [["toy", *expected], ["other", *expected]]


def test_a_beam_without_all_encodings_is_refused(lm: ByteLM, capsys: Any) -> None:
    assert cli.main(["score", "toy", "--text", "a", "--beam", "3"]) == 2
    assert "--encodings all" in capsys.readouterr().err


def test_a_wide_bound_is_told_and_one_that_is_asked_for_is_kept(lm: ByteLM, capsys: Any) -> None:
    arguments = ["score", "toy", "--text", TEXT.decode() * 4, "--encodings", "all", "--beam", "1"]
    assert cli.main([*arguments, "--json"]) == 0
    narrow = capsys.readouterr()
    assert "toy: what the beam left out may be" in narrow.err
    assert cli.main([*arguments, "--json", "--bound", "0.01"]) == 0
    kept = capsys.readouterr()
    assert "left out" not in kept.err
    (model,) = json.loads(kept.out)["models"]
    assert 1 - np.exp(model["logprob"] - model["highest_logprob"]) <= 0.01
    wide = ByteLM(lm.token_lm, encodings="all", beam=10_000).logprob(TEXT * 4)
    assert model["logprob"] <= wide + 1e-9 <= model["highest_logprob"] + 2e-9
    assert cli.main(["score", "toy", "--text", "a", "--bound", "0.1"]) == 2
    assert "--bound belongs to --encodings all" in capsys.readouterr().err
