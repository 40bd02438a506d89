"""`tokkit train flextok` on toy pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import tokkit

pytest.importorskip("torch")
from tests.models.flextok.toys import blocks
from tokkit.cli import main

SMALL = (
    "n_tokens=4", "levels=[4,4]", "whole=16", "hidden=32", "recipe.batch=8", "flow_steps=2",
    "encoder.width=16", "encoder.n_layers=1", "flow.width=16", "flow.n_layers=1",
)  # fmt: skip


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    np.savez(tmp_path / "pictures.npz", images=blocks(60))
    return str(tmp_path / "pictures.npz")


def run(pictures: str, into: Path, *options: str) -> int:
    settings = [word for each in SMALL for word in ("--set", each)]
    return main(["train", "flextok", pictures, "--into", str(into), *settings, *options])


def test_what_is_trained_is_opened_as_a_tokenizer(
    pictures: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, page = tmp_path / "made", tmp_path / "page.html"
    assert run(pictures, into, "--steps", "4", "--html", str(page), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["steps"] == 4 and told["resumed_at"] == 0
    assert list(told["psnr"]) == ["1", "2", "4"] and told["perplexity"] >= 1
    for name in ("Loss of the training", "Decibels at last", "Decibels against steps"):
        assert name in page.read_text(encoding="utf-8")
    tokenizer = tokkit.load_tokenizer(into)
    assert tokenizer.modality == "image"
    assert np.asarray(tokenizer.encode(blocks(1)[0], budget=3)).shape == (3,)
    assert run(pictures, into, "--steps", "4", "--resume", "--held-out", "0") == 2
    assert "of another training" in capsys.readouterr().err
    assert run(pictures, into, "--steps", "4", "--resume") == 0
    assert "4 steps" in capsys.readouterr().out


def test_without_held_out_pictures_the_loss_is_told(
    pictures: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, page = tmp_path / "made", tmp_path / "page.html"
    options = ("--steps", "2", "--held-out", "0", "--bf16", "--html", str(page))
    assert run(pictures, into, *options) == 0
    assert "held out" not in capsys.readouterr().out
    assert "The loss is" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ngrams",), "--ngrams is of models of text"),
        (("--from", "."), "--from is of models of text"),
        (("--set", "pach=3"), "did you mean 'patch'"),
        (("--set", "patch=3"), "a number that divides both"),
        (("--resume",), "holds no training"),
    ],
)
def test_what_cannot_be_done_is_refused(
    options: tuple[str, ...],
    message: str,
    pictures: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(pictures, tmp_path / "made", "--steps", "1", *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_other_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.txt").write_text("text")
    assert run(str(tmp_path / "text.txt"), tmp_path / "made") == 2
    assert "no zip and no npz" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run(str(tmp_path / "empty"), tmp_path / "made") == 2
    assert "no picture in it" in capsys.readouterr().err
    assert run(str(tmp_path / "none"), tmp_path / "made") == 2
    assert "cannot read" in capsys.readouterr().err
