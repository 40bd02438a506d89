"""`tokkit train dm-codec` on toy speech."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tokkit

pytest.importorskip("torch")
from tests.models.dm_codec.toy_speech import signal
from tokkit.cli import main
from tokkit.models import write_wav

SMALL = (
    "n_codes=8", "depth=4", "width=4", "hidden=8", "layers=1", "kernel=3", "recipe.plain_steps=2",
    "recipe.start_frames=50", "recipe.batch=2", "recipe.segment=12",
)  # fmt: skip


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    (tmp_path / "speech" / "more").mkdir(parents=True)
    for number in range(4):
        write_wav(tmp_path / "speech" / "more" / f"{number}.wav", signal(number, 0.5), 16_000)
    return tmp_path / "speech"


def run(speech: Path, into: Path, *options: str) -> int:
    settings = [word for each in SMALL for word in ("--set", each)]
    return main(["train", "dm-codec", str(speech), "--into", str(into), *settings, *options])


def test_what_is_trained_is_opened_as_a_tokenizer(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, page = tmp_path / "made", tmp_path / "page.html"
    options = ("--steps", "5", "--held-out", "0.3")
    assert run(speech, into, *options, "--html", str(page), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["steps"] == 5 and told["resumed_at"] == 0
    assert list(told["errors"]) == ["1", "2", "4"] and told["perplexity"] >= 1
    for name in ("Loss of the training", "Differences at last", "against steps"):
        assert name in page.read_text(encoding="utf-8")
    tokenizer: Any = tokkit.load_tokenizer(into)
    assert (tokenizer.modality, tokenizer.sample_rate) == ("speech", 16_000)
    assert np.asarray(tokenizer.encode(signal(9, 0.5), budget=3)).shape == (13, 3)
    assert run(speech, into, *options, "--resume") == 0
    assert "5 steps" in capsys.readouterr().out


def test_without_held_out_speech_the_loss_is_told(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, page = tmp_path / "made", tmp_path / "page.html"
    one = speech / "more" / "0.wav"
    assert run(one, into, "--steps", "4", "--held-out", "0", "--html", str(page)) == 0
    assert "held-out" not in capsys.readouterr().out
    assert "The loss is" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ngrams",), "--ngrams is of models of text"),
        (("--bf16",), "--bf16 is of models of text"),
        (("--set", "dept=3"), "did you mean 'depth'"),
        (("--set", "kernel=4"), "an odd number"),
        (("--steps", "2"), "would teach the codes"),
        (("--resume",), "holds no training"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_work(
    options: tuple[str, ...],
    message: str,
    speech: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(speech, tmp_path / "made", *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_files_that_do_not_go_together_are_refused(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wav(speech / "z.wav", signal(5, 0.5), 8000)
    assert run(speech, tmp_path / "made") == 2
    assert "samples a second, expected 16,000" in " ".join(capsys.readouterr().err.split())
    (tmp_path / "none").mkdir()
    assert run(tmp_path / "none", tmp_path / "made") == 2
    assert "no WAV file in it" in " ".join(capsys.readouterr().err.split())
