"""`tokkit train KIND` on toy models of text."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
from tests.hypernets.plain_models.toy_models import toy_model, toy_tokenizer
from tokkit.cli import main
from tokkit.cli.training.text_models import TextTraining
from tokkit.errors import ArgumentError
from tokkit.models.byte.model import ByteTransformer
from tokkit.models.byteified import lessons
from tokkit.models.kinds import KINDS
from tokkit.models.text_models.windows import Windows

TEXT = "It was a dark and stormy night; the rain fell in torrents. " * 60
SMALL = ("--width", "16", "--heads", "2", "--layers", "1", "--vocab-size", "280")


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return str(path)


def run(kind: str, text: str, into: Path, *options: str) -> int:
    small = SMALL if kind == "subword" else SMALL[:-2]
    sizes = ("--batch-bytes", "512", "--window-bytes", "128")
    return main(["train", kind, text, "--into", str(into), *small, *sizes, *options])


@pytest.mark.parametrize("kind", ["byte", "subword"])
def test_what_is_trained_is_what_score_and_complete_take(
    kind: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, page = tmp_path / "made", tmp_path / "page.html"
    assert run(kind, text, into, "--steps", "12", "--html", str(page), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["steps"] == 12
    assert told["bits_per_byte"] < told["first_bits_per_byte"]
    for what in ("steps", "bytes", "seconds"):
        assert f"Bits a byte against {what}" in page.read_text(encoding="utf-8")
    assert main(["score", str(into), "--file", text, "--window", "128", "--json"]) == 0
    capsys.readouterr()
    line = ["complete", str(into), "--prompt", "It was", "--max-bytes", "4", "--seed", "1"]
    assert main(line) == 0
    capsys.readouterr()
    (into / "tokkit.json").unlink()
    assert run(kind, text, into, "--steps", "12", "--resume") == 0
    assert "finished before, nothing was learned; 12 steps" in capsys.readouterr().out
    assert main(line) == 0  # the model's files are whole again


def test_a_trained_model_goes_on_with_another_text(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert run("byte", text, first, "--steps", "10", "--json") == 0
    before = json.loads(capsys.readouterr().out)
    sizes = ["--batch-bytes", "512", "--window-bytes", "128"]
    line = ["train", "byte", text, "--into", str(second), "--from", str(first), *sizes]
    assert main([*line, "--steps", "1", "--json"]) == 0
    after = json.loads(capsys.readouterr().out)
    assert after["first_bits_per_byte"] == pytest.approx(before["bits_per_byte"], abs=1e-4)
    assert main([*line, "--steps", "2", "--width", "32", "--resume"]) == 2
    assert "--width is of a new model" in capsys.readouterr().err
    assert main(["train", "subword", *line[2:], "--steps", "1", "--resume"]) == 2
    assert "expected one of kind subword" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--resume",), "holds no training"),
        (("--ngrams", "--set", "ngrams=null"), "--set ngrams says something else"),
        (("--gate", "--set", "gate=false"), "--set gate says something else"),
        (("--width", "16", "--set", "backbone.width=32"), "--set backbone.width says something"),
        (("--steps", "0"), "of at least 1"),
        (("--held-out", "1"), "below 1"),
        (("--window-bytes", "0"), "of at least 1"),
        (("--batch-bytes", "1"), "batch_bytes is 1, and a window has"),
        (("--set", "backbone.wdth=3"), "did you mean 'width'"),
        (("--set", "backbone"), "expected NAME=VALUE"),
        (("--set", "gate=3"), "expected true or false"),
        (("--width", "17"), "multiple"),
        (("--vocab-size", "300"), "--vocab-size is of subword"),
        (("--from", "nowhere"), "no folder"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_work(
    options: tuple[str, ...],
    message: str,
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("byte", text, tmp_path / "made", *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "made").exists()


@pytest.mark.usefixtures("sigint_raises")
def test_an_interruption_tells_how_to_go_on(
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    into, steps = tmp_path / "made", 0
    nats = ByteTransformer.training_nats

    def interrupted(model: ByteTransformer, windows: Windows) -> Any:
        nonlocal steps
        steps += 1
        if steps == 3:
            signal.raise_signal(signal.SIGINT)
        return nats(model, windows)

    monkeypatch.setattr(ByteTransformer, "training_nats", interrupted)
    assert run("byte", text, into, "--steps", "12") == 130
    told = " ".join(capsys.readouterr().err.split())
    assert "interrupted: stopped after step 3, 25% of the budget" in told
    assert "keeps all of it; the same command with --resume goes on" in told
    assert run("byte", text, into, "--steps", "12", "--resume") == 0


def test_spaces_alone_make_a_subword_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spaces = tmp_path / "spaces.txt"
    spaces.write_bytes(b" " * 9000)
    assert run("subword", str(spaces), tmp_path / "made", "--steps", "1") == 0
    assert "1 step" in capsys.readouterr().out


def test_an_empty_text_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_bytes(b"")
    assert run("byte", str(empty), tmp_path / "made") == 2
    assert "the text is empty" in capsys.readouterr().err


def test_options_of_text_models_are_refused_for_a_hypernet() -> None:
    TextTraining().refuse("of models of text")
    for asked, name in (
        (TextTraining(gate=True), "gate"),
        (TextTraining(start="a"), "from"),
        (TextTraining(settings=["a=1"]), "set"),
        (TextTraining(batch_bytes=9), "batch-bytes"),
    ):
        with pytest.raises(ArgumentError, match=f"--{name} is of models of text"):
            asked.refuse("of models of text")


@pytest.fixture
def token_model(tmp_path: Path) -> str:
    folder = tmp_path / "model"
    toy_model("llama", 280).save_pretrained(folder)
    toy_tokenizer(280).save_pretrained(folder)
    return str(folder)


@pytest.mark.usefixtures("sigint_raises")
def test_a_token_model_is_byteified_and_its_lessons_are_kept(
    token_model: str,
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    into = str(tmp_path / "made")
    small = ["--set", "stack.width=16", "--set", "stack.n_heads=2", "--set", "stack.n_layers=1"]
    line = ["train", "byteified", token_model, text, "--into", into, "--window-bytes", "32"]
    line += ["--lesson-bytes", "600", "--steps", "4", *small, "--set", "ngrams.n_buckets=64"]
    made = lessons.made_lessons

    def interrupted(*given: Any) -> Any:
        yield from made(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(lessons, "made_lessons", interrupted)
    assert main(line) == 130
    assert "the same command with --resume goes on" in " ".join(capsys.readouterr().err.split())
    monkeypatch.setattr(lessons, "made_lessons", made)
    assert main(line) == 2
    assert "give --resume" in capsys.readouterr().err
    assert main([*line, "--resume", "--json", "--html", str(tmp_path / "page.html")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["steps"]) == ("byteified", 4)
    assert main(["score", into, "--text", "It was a dark night.", "--json"]) == 0
    capsys.readouterr()
    other = tmp_path / "other.txt"
    other.write_text("Quite another text. " * 100)
    assert main([*line[:3], str(other), *line[4:], "--resume"]) == 2
    assert "lessons of another texts" in " ".join(capsys.readouterr().err.split())


def test_options_that_byteified_has_not_are_refused(
    token_model: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = ["--into", str(tmp_path / "made")]
    assert main(["train", "byteified", token_model, text, *into, "--width", "8"]) == 2
    assert "--width is not of byteified models" in capsys.readouterr().err
    assert main(["train", "byteified", token_model, *into]) == 2
    assert "got no text" in " ".join(capsys.readouterr().err.split())
    assert main(["train", "byte", text, *into, "--lesson-bytes", "8"]) == 2
    assert "--lesson-bytes is of byteified models" in capsys.readouterr().err


def test_every_kind_has_a_class() -> None:
    from tokkit.models.text_models.building import model_class

    for name in KINDS:
        assert model_class(name).kind == KINDS[name]
