"""`tokkit score` over fake models."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.cli.fake_models import FakeLM
from tokkit import cli

pytestmark = pytest.mark.usefixtures("models")


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
