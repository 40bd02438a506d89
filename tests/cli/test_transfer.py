"""`tokkit transfer` on a toy model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")
import tokkit
from tests.hypernets.plain_models.toy_models import logits, toy_model, toy_tokenizer
from tests.text.format_samples import CORPUS
from tokkit.cli import main
from tokkit.hypernets.methods import METHODS

DOCS = Path(__file__).parents[2] / "docs" / "transfer.md"
TEXT = "\n".join(CORPUS) * 3


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    toy_model("llama", 280).save_pretrained(folder / "model")
    toy_tokenizer(280).save_pretrained(folder / "model")
    toy_tokenizer(340).save_pretrained(folder / "tokenizer")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    return folder


def run(toy: Path, *options: str) -> int:
    return main(["transfer", str(toy / "model"), str(toy / "tokenizer"), *options])


def test_the_folder_holds_the_model_that_the_library_makes(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page = tmp_path / "deep" / "made", tmp_path / "page.html"
    text = str(toy / "text.txt")
    assert run(toy, "--out", str(out), "--text-file", text, "--html", str(page), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    result = tokkit.transfer(toy / "model", toy / "tokenizer", text=TEXT)
    again = transformers.AutoModelForCausalLM.from_pretrained(out)
    ids = tokkit.load_tokenizer(out).encode(TEXT)[:40]
    assert ids == tokkit.load_tokenizer(toy / "tokenizer").encode(TEXT)[:40]
    torch.testing.assert_close(logits(again, ids), logits(result.model, ids))
    expected = json.loads(json.dumps(result.report.to_dict()))
    assert told["bits_per_byte"] == pytest.approx(expected["bits_per_byte"])
    assert told["source"] == str(toy / "model")
    assert told["inputs"]["outliers"][0]["text"]
    assert "Where the rows lie" in page.read_text(encoding="utf-8")
    assert not any("part-" in path.name for path in out.rglob("*"))


def test_a_gguf_file_alone_is_written_and_the_terminal_tells_all_sections(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gguf")
    made = tmp_path / "made.gguf"
    assert run(toy, "--gguf", str(made), "--method", "mean", "--dtype", "float32") == 0
    out = capsys.readouterr().out
    for title in ("Cost on a text", "Where the rows come from", "Outliers among input rows"):
        assert title in out
    ids = tokkit.load_tokenizer(made).encode(TEXT)
    assert ids == tokkit.load_tokenizer(toy / "tokenizer").encode(TEXT)


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_every_method_is_explained_in_the_docs(method: str) -> None:
    assert f"| `{method}` |" in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "nothing would be kept"),
        (("--gguf", "-"), "give a file"),
        (("--html", "-", "--json"), "write to stdout"),
        (("--out", "."), "is not empty"),
        (("--json", "--method", "meen"), "did you mean 'mean'"),
        (("--json", "--minutes", "0"), "above 0"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_work(
    toy: Path,
    options: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work has begun")

    monkeypatch.chdir(toy)
    monkeypatch.setitem(vars(tokkit), "transfer", work)
    assert run(toy, *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_folder_is_not_left_when_the_model_cannot_be_saved(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transformers.PreTrainedTokenizerFast, "save_pretrained", full)
    monkeypatch.setattr("tokkit.hypernets.tokenizer_export.exporting.reloaded", lambda fast: fast)
    assert run(toy, "--out", str(tmp_path / "made")) == 2
    assert "No space left" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_a_model_that_no_gguf_file_can_hold_is_told_after_the_rest(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gguf")
    toy_model("phi", 280).save_pretrained(tmp_path / "phi")
    toy_tokenizer(280).save_pretrained(tmp_path / "phi")
    made = tmp_path / "made.gguf"
    tokenizer = str(toy / "tokenizer")
    assert main(["transfer", str(tmp_path / "phi"), tokenizer, "--gguf", str(made), "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["n_copied"] == 280
    assert "cannot be written as a GGUF file" in err
    assert not made.exists()


@pytest.mark.slow
def test_a_training_goes_on_from_its_checkpoint(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = str(toy / "text.txt")
    options = (*("--text-file", text) * 4, "--method", "token-distillation")
    training = ("--steps", "3", "--checkpoint", str(tmp_path / "kept"), "--json")
    told: list[Any] = []
    for _ in range(2):
        assert run(toy, *options, *training) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert len(told[0]["training"]["losses"]) == 3
    assert (tmp_path / "kept" / "checkpoint.safetensors").exists()
