"""`tokkit merge` on a toy tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tokkit
from tests.dynamic.test_merging import over
from tokkit.cli import main

TEXT = "cbcb cb\n\nab abab\n"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    over(b"ab").save(folder / "tokenizer")
    (folder / "texts.txt").write_text(TEXT)
    return folder


def run(toy: Path, *options: str) -> int:
    return main(["merge", str(toy / "tokenizer"), str(toy / "texts.txt"), *options])


def test_json_is_what_the_library_makes(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(toy, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    merged = tokkit.merge_batch(["cbcb cb", "ab abab"], tokenizer=toy / "tokenizer")
    assert data["sequences"] == [ids.tolist() for ids in merged.sequences]
    assert data["merges"][0]["bytes_hex"] == b"cb".hex()
    assert data["reduction"] == round(100 * merged.reduction, 2)
    assert data["n_merges"] == len(data["merges"]) == len(merged.merges)


def test_a_file_may_be_one_sequence_and_limits_are_kept(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(toy, "--by", "file", "--merges", "1", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert len(data["sequences"]) == data["n_merges"] == 1
    assert run(toy, "--reduction", "0.2", "--across-words", "--json") == 0
    assert json.loads(capsys.readouterr().out)["reduction"] >= 20


def test_text_and_page_tell_the_lengths(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages: list[str] = []
    for k in range(2):
        assert run(toy, "--html", str(tmp_path / f"{k}.html")) == 0
        pages.append((tmp_path / f"{k}.html").read_text())
    out = capsys.readouterr().out
    assert "merge made the batch" in out
    assert "'c'   'b'" in out
    assert pages[0] == pages[1]
    assert "Merge by merge" in pages[0]
    (tmp_path / "one.txt").write_text("xyz")
    assert main(["merge", str(toy / "tokenizer"), str(tmp_path / "one.txt")]) == 0
    assert "no pair of tokens that may be merged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--merges", "1", "--reduction", "0.1"), "exclude each other"),
        (("--reduction", "1"), "at least 0 and below 1"),
        (("--min-count", "0"), "at least 1"),
        (("--html", "-", "--json"), "write to stdout"),
    ],
)
def test_limits_that_make_no_sense_are_refused(
    toy: Path, options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(toy, *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())
