"""`tokkit diff`: outputs and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit.toy_subjects import write_two_releases
from tokkit.cli import main

TEXTS = {"eng": ["the sea", "shells DON'T 123"], "rus": ["привет море", "мир"]}


def test_exit_code_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = map(str, write_two_releases(tmp_path))
    folder = tmp_path / "texts"
    folder.mkdir()
    for code, texts in TEXTS.items():
        (folder / f"{code}.txt").write_text("\n".join(texts), encoding="utf-8")
    texts = ["--texts", str(folder)]
    assert main(["diff", one, two, *texts]) == 0
    assert "60 removed" in capsys.readouterr().out
    assert main(["diff", one, two, *texts, "--exit-code", "--quiet"]) == 1
    assert main(["diff", one, one, *texts, "--exit-code", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"] is True
    assert main(["diff", one, "none.json"]) == 2
