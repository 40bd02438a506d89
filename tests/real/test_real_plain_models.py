"""SmolLM2 and Gemma 3 as plain models: saved, written as GGUF files, and loaded again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")
from tokkit.errors import MissingExtraError
from tokkit.hypernets.gguf_export.writing import save_gguf
from tokkit.hypernets.plain_models.replacing import replace_vocabulary
from tokkit.hypernets.plain_models.saving import save_model
from tokkit.hypernets.plain_models.source_models import SourceModel, load_source
from tokkit.hypernets.plain_models.vocabulary_layers import input_rows
from tokkit.hypernets.tokenizer_export.exporting import export_tokenizer

pytestmark = [pytest.mark.real, pytest.mark.slow]
TEXT = "The sea shells she sells,\n\n are  surely naïve."


def source_of(name: str) -> SourceModel:
    try:
        return load_source(name)
    except MissingExtraError as error:
        pytest.skip(str(error))


def logits(model: Any, ids: list[int]) -> Any:
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0]


@pytest.mark.parametrize("name", ["smollm2", "gemma3"])
def test_its_own_vocabulary_changes_nothing(name: str, tmp_path: Path) -> None:
    source = source_of(name)
    target = export_tokenizer(name)
    ids = target.text.encode(TEXT)
    before = logits(source.model, ids)
    made = replace_vocabulary(source, target, input_rows(source.model))
    assert made.tied
    assert torch.equal(logits(made.model, ids), before)
    save_model(made.model, target.tokenizer, tmp_path)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(logits(again, ids), before)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer(TEXT, add_special_tokens=False)["input_ids"] == ids


@pytest.mark.parametrize("name", ["smollm2", "gemma3"])
def test_its_gguf_file_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    source = source_of(name)
    target = export_tokenizer(name)
    path = tmp_path / "model.gguf"
    save_gguf(source.model, target, path)
    again = load_source(path)
    ids = target.text.encode(TEXT)
    assert again.tokenizer.encode(TEXT) == ids
    torch.testing.assert_close(
        logits(again.model, ids), logits(source.model, ids), rtol=1e-4, atol=1e-3
    )
