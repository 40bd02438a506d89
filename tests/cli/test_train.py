"""`tokkit train hypernet` on a toy model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
from tests.hypernets.hypernetwork.toy_training import OPTIONS, TEXT
from tests.hypernets.plain_models.toy_models import toy_model, toy_tokenizer
from tokkit.cli import main


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    toy_model("llama", 280).save_pretrained(folder / "model")
    toy_tokenizer(280).save_pretrained(folder / "model")
    toy_tokenizer(340).save_pretrained(folder / "tokenizer")
    (folder / "text.txt").write_text(TEXT)
    return folder


def settings(config: Any, before: str = "") -> Iterator[str]:
    """`--set` for each field of options."""
    for each in fields(config):
        value = getattr(config, each.name)
        if is_dataclass(value):
            yield from settings(value, f"{before}{each.name}.")
        else:
            written = value if isinstance(value, str) else json.dumps(value)
            yield f"--set={before}{each.name}={written}"


def run(toy: Path, into: Path, *options: str) -> int:
    line = ["train", "hypernet", str(toy / "model"), str(toy / "text.txt"), "--into", str(into)]
    return main([*line, "--minutes", "0.002", *settings(OPTIONS), *options])


def test_what_is_trained_is_what_transfer_takes(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = tmp_path / "net"
    assert run(toy, net, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["steps"] >= 1
    assert data["resumed_at"] == 0
    assert run(toy, net, "--resume", "--html", str(tmp_path / "curve.html")) == 0
    assert "Loss of the training" in (tmp_path / "curve.html").read_text(encoding="utf-8")
    assert f"{data['steps']:,} steps" in capsys.readouterr().out
    line = ["transfer", str(toy / "model"), str(toy / "tokenizer"), "--hypernet", str(net)]
    assert main([*line, "--out", str(tmp_path / "made"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["method"] == "hypernetwork"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--resume",), "holds no training"),
        (("--minutes", "0"), "above 0"),
        (("--set", "hiden=8"), "did you mean 'hidden'"),
        (("--set", "sampler.text_bytes=100000"), "join those of a kind"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_work(
    toy: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(toy, tmp_path / "net", *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_training_is_not_overwritten_unasked(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"")
    assert run(toy, tmp_path) == 2
    assert "give --resume" in capsys.readouterr().err
