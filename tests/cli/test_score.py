"""`tokkit score` over fake models."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

import tokkit
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
    found = json.loads(out)
    assert (found["n_bytes"], found["window"], found["differences"]) == (2, None, [])
    expected = {
        "model": "cheap",
        "exact_logprob": None,
        "exact_bits_per_byte": None,
        "tokenization_logprob": None,
        "tokenization_bits_per_byte": None,
        "impossible": "no token holds the byte 0xFF, at offset 1",
    }
    assert found["models"] == [expected | {"interval": None}]
    (document,) = found["documents"]
    assert document == {"name": str(tmp_path / "text"), "n_bytes": 2, "models": [expected]}


def test_files_follow_the_models(capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes(b"four")
    lines = [json.dumps({"body": "x" * n}) for n in range(1, 9)]
    (tmp_path / "more.jsonl").write_text("\n".join(lines))
    files = [str(tmp_path / "one.txt"), str(tmp_path / "more.jsonl")]
    assert cli.main(["score", "cheap", "dear", *files, "--text-field", "body"]) == 0
    models, documents, apart = capsys.readouterr().out.split("\n\n")
    header, cheap, dear = models.splitlines()
    assert header.startswith("40 bytes")
    assert cheap.split() == ["cheap", "1.0000", "1.0000", "to", "1.0000", "1.2500"]
    assert dear.split()[:2] == ["dear", "3.0000"]
    assert documents.splitlines()[1].split() == [files[0], "4", "1.0000", "3.0000"]
    assert documents.splitlines()[-1].split() == [f"{files[1]}:8", "8", "1.0000", "3.0000"]
    assert apart.splitlines()[1].split() == ["dear", "+2.0000", "2.0000", "to", "2.0000"]


def test_csv_has_a_line_a_document_and_model(capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"four")
    assert cli.main(["score", "cheap", "dear", str(tmp_path / "a"), "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["model"], float(row["bits"])) for row in rows] == [("cheap", 4.0), ("dear", 12.0)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["FILE"], "there is no model; name one before the files"),
        (["cheap", "cheap", "FILE"], "'cheap' is named twice"),
        (["cheap", "FILE", "--text", "x"], "exclude files after the models"),
        (["cheap", "FILE", "--combine", "mean"], "--combine needs at least two models"),
        (["cheap", "FILE", "--csv", "--json"], "--csv and --json write to stdout"),
    ],
)
def test_what_does_not_go_together_is_told_before_loading(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_bytes(b"text")
    monkeypatch.setitem(vars(tokkit), "load_lm", lambda source, **_: pytest.fail("loaded"))
    assert cli.main(["score", *words]) == 2
    assert told in capsys.readouterr().err
