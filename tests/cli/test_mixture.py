"""`tokkit mixture` on a toy tokenizer whose mixture is known."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.mixture.toy_mixture import SHARES, train, write_samples
from tokkit.cli import main


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("toy")
    train(path / "tokenizer.json", n_bytes=200_000, vocab_size=900)
    folder = write_samples(path / "samples", n_bytes=150_000)
    north = folder / "north.txt"
    (folder / "north.txt.gz").write_bytes(gzip.compress(north.read_bytes(), mtime=0))
    north.unlink()
    (folder / "east").mkdir()
    (folder / "east.txt").rename(folder / "east/part.txt")
    (folder / ".hidden").write_text("not a category")
    return path


def run(toy: Path, *options: str) -> int:
    return main(["mixture", str(toy / "tokenizer.json"), str(toy / "samples"), *options])


def test_json_has_the_shares(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(toy, "--json", "--level", "0.8") == 0
    data = json.loads(capsys.readouterr().out)
    shares = {each["name"]: each["proportion"] for each in data["categories"]}
    assert shares == pytest.approx(SHARES, abs=0.05)
    assert data["level"] == 0.8
    assert data["tokenizer"] == str(toy / "tokenizer.json")


def test_text_has_bars_intervals_and_trust(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(toy, "--max-merges", "400") == 0
    out = capsys.readouterr().out
    assert "shares of bytes, from 400 merges" in out
    lines = {line.split()[0]: line for line in out.splitlines() if "█" in line}
    assert set(lines) == set(SHARES)
    assert all("% to" in line for line in lines.values())
    assert "The 90% intervals allow for chance" in out


def test_the_report_and_the_cache_give_the_same_again(toy: Path, tmp_path: Path) -> None:
    pages: list[bytes] = []
    for k in range(2):
        page = tmp_path / f"{k}.html"
        assert run(toy, "--html", str(page), "--cache", str(tmp_path / "cache")) == 0
        pages.append(page.read_bytes())
    assert pages[0] == pages[1]
    assert pages[0].startswith(b"<!doctype html>")
    assert f">{toy.name}/<wbr>tokenizer.json</h1>".encode() in pages[0]
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_other_options_reach_the_library(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--method", "linear-program", "--max-merges", "40", "--jobs", "1", "--json")
    assert run(toy, *options, "--inherits", str(toy / "tokenizer.json")) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["method"] == "linear-program"
    assert data["n_merges"] == 40
    assert all(each["interval"] is None for each in data["categories"])
    assert any("same tokenizer" in warning for warning in data["warnings"])


def test_groups_are_summed_up(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--group", "latin=*th", "--group", "rest=east")
    assert run(toy, "--json", *options) == 0
    latin, rest = json.loads(capsys.readouterr().out)["groups"]
    assert latin["categories"] == ["north", "south"]
    assert latin["proportion"] == pytest.approx(SHARES["north"] + SHARES["south"], abs=0.05)
    assert latin["interval"][0] < latin["proportion"] < latin["interval"][1]
    assert rest["proportion"] == pytest.approx(1 - latin["proportion"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["TOY", "SAMPLES", "--group", "x"], "expected NAME=CATEGORY"),
        (["TOY", "SAMPLES", "--group", "x=a", "--group", "x=b"], "each name once"),
        (["TOY", "SAMPLES", "--group", "x=west"], "'west' matches no category"),
        (["TOY", "no/such/folder"], "is no folder"),
        (["TOY", "memory://no/such/folder"], "is not a folder"),
        (["TOY", "EMPTY"], "samples of 0 categories"),
        (["no/such/tokenizer.json", "SAMPLES"], "no/such/tokenizer.json"),
        (
            ["TOY", "SAMPLES", "--level", "2"],
            "argument --level: expected a number above 0",
        ),
        (
            ["TOY", "SAMPLES", "--jobs", "0"],
            "expected a whole number of at least 1, or -1",
        ),
        (["TOY", "SAMPLES", "--html", "no/such/folder/x.html"], "cannot write"),
    ],
)
def test_bad_input_is_told_in_one_line(
    toy: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    places = {
        "TOY": str(toy / "tokenizer.json"),
        "SAMPLES": str(toy / "samples"),
        "EMPTY": str(tmp_path),
    }
    given = [places.get(argument, argument) for argument in arguments]
    assert main(["mixture", *given]) == 2
    err = capsys.readouterr().err
    line = next(line for line in err.splitlines() if line.startswith("tokkit: error:"))
    assert message in line


def test_two_files_of_one_category_are_refused(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("en.txt", "en.jsonl.gz"):
        (tmp_path / name).write_bytes(b"")
    assert main(["mixture", str(toy / "tokenizer.json"), str(tmp_path)]) == 2
    assert "are both category 'en'" in capsys.readouterr().err


def test_samples_behind_a_url_give_the_same(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("fsspec")
    shares: list[object] = []
    for folder in (str(toy / "samples"), f"file://{toy / 'samples'}"):
        assert main(["mixture", str(toy / "tokenizer.json"), folder, "--json"]) == 0
        shares.append(json.loads(capsys.readouterr().out)["categories"])
    assert shares[0] == shares[1]


def test_intervals_of_the_linear_program_are_refused(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(toy, "--method", "linear-program", "--level", "0.8") == 2
    assert "--level is about intervals" in capsys.readouterr().err
