"""`tokkit compare`: outputs and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit.toy_subjects import write_bpe, write_two_releases
from tokkit.cli import main

TEXTS = {"eng": ["the sea", "shells DON'T 123"], "rus": ["привет море", "мир"]}


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """Two tokenizers, a text, and parallel text."""
    one, two = map(str, write_two_releases(tmp_path))
    folder = tmp_path / "texts"
    folder.mkdir()
    for code, texts in TEXTS.items():
        (folder / f"{code}.txt").write_text("\n".join(texts), encoding="utf-8")
    text = tmp_path / "story.md"
    text.write_text("The sea, the sea.\n" * 1000, encoding="utf-8")
    return [one, two, str(text), "--texts", str(folder)]


def test_it_prints_one_table(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *given]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 tokenizers, 18.0 kB of text\n") and "Bytes a token" in out


def test_json_html_and_prices(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    price = ["--price", f"{given[1]}=2.5"]
    assert main(["compare", *given, "--json", "--html", str(page), *price]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [each["price"] for each in data["tokenizers"]] == [None, 2.5]
    assert data["n_bytes"] == 18_000 and data["file_types"][0]["name"] == ".md"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["compare", *given, "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_a_text_from_stdin(
    given: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io
    import sys

    class Given:
        buffer = io.BytesIO(b"some words " * 50)

        @staticmethod
        def isatty() -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", Given())
    assert main(["compare", *given[:2], *given[3:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_bytes"] == 550


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--price", "x"], "expected NAME=NUMBER"),
        (["--json", "--html", "-"], "write to stdout"),
    ],
)
def test_wrong_usage_is_told_in_a_line(
    given: list[str], wrong: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *given, *wrong]) == 2
    assert message in capsys.readouterr().err


def test_prices_are_of_the_tokenizers(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_bpe(tmp_path / "other.json")
    assert main(["compare", *given, "--price", f"{other}=1"]) == 2
    assert "expected one for each of the tokenizers" in capsys.readouterr().err


def test_texts_come_last(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", given[2], given[0]]) == 2
    assert "story.md" in capsys.readouterr().err
