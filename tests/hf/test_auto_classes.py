"""A saved view names its models: what the Auto classes load is what was saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, pipeline

from tests.bytelm.lm_helpers import tiny_model
from tests.hf.toy_views import ngram_lm, save_tokenizer
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.loading import load_lm
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.errors import ArgumentError, FormatError, TokkitError, UnsupportedError
from tokkit.hf import ByteLevelCausalLM, ByteLevelConfig, ByteLevelTokenizer

IDS = torch.tensor([list(b"the cat")])


def save_model(folder: Path, kind: str = "llama") -> Path:
    """A tiny model with random weights and its tokenizer."""
    model = tiny_model(kind, vocab_size=300)
    with quiet_transformers():
        model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("one") / "model")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("two") / "model", "gemma3")


def test_a_view_of_a_source_is_the_model_that_it_names(source: Path) -> None:
    view = ByteLevelCausalLM.from_source(source, logits_dtype="float64")
    expected = load_lm(source).byte_logprobs(b"the cat")[1:]
    torch.testing.assert_close(
        view(IDS).logits[0, :, :257].exp(), torch.from_numpy(expected).exp(), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("combine", [None, "mean"])
def test_auto_classes_load_what_was_saved(
    source: Path, other: Path, tmp_path: Path, combine: Any
) -> None:
    if combine:
        view = ByteLevelCausalLM.from_source([source, other], combine=combine, weights=[1, 3])
    else:
        view = ByteLevelCausalLM.from_source(str(source), bos_ids=[5])
    view.save_pretrained(tmp_path / "view", max_shard_size="5GB")
    names = {path.name for path in (tmp_path / "view").iterdir()}
    assert names == {"config.json", "generation_config.json"}
    ByteLevelTokenizer().save_pretrained(tmp_path / "view")
    assert isinstance(AutoConfig.from_pretrained(tmp_path / "view"), ByteLevelConfig)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "view", threads=1)
    assert isinstance(loaded, ByteLevelCausalLM)
    assert isinstance(loaded.byte_model, ByteEnsemble) == bool(combine)
    torch.testing.assert_close(loaded(IDS).logits.exp(), view(IDS).logits.exp())
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "view")
    assert isinstance(tokenizer, ByteLevelTokenizer)


def test_options_that_change_probabilities_are_saved_and_others_are_not(
    source: Path, tmp_path: Path
) -> None:
    view = ByteLevelCausalLM.from_source(source, threads=1, dtype="bfloat16", allow_download=True)
    view.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["source_options"] == {"dtype": "bfloat16"}
    assert saved["source"] == str(source)
    assert "threads" not in saved
    assert "allow_download" not in saved
    again = ByteLevelCausalLM.from_pretrained(tmp_path, dtype="float32")
    assert again.config.source_options == {"dtype": "float32"}


def test_a_source_that_is_gone_is_named(source: Path, tmp_path: Path) -> None:
    config = ByteLevelConfig(source=str(tmp_path / "gone"))
    config.save_pretrained(tmp_path)
    with pytest.raises(FormatError, match="gone: no such file"):
        AutoModelForCausalLM.from_pretrained(tmp_path)


def test_a_hub_id_is_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    ByteLevelConfig(source="nobody/nothing").save_pretrained(tmp_path)
    with pytest.raises(FormatError, match="pass allow_download=True"):
        ByteLevelCausalLM.from_pretrained(tmp_path)


def test_models_in_memory_are_not_saved(tmp_path: Path) -> None:
    view = ByteLevelCausalLM.wrap(ngram_lm(tmp_path))
    with pytest.raises(ArgumentError, match="is a model in memory"):
        view.save_pretrained(tmp_path / "view")
    with pytest.raises(ArgumentError, match="names no source"):
        ByteLevelCausalLM(ByteLevelConfig())
    with pytest.raises(UnsupportedError, match="push_to_hub"):
        view.save_pretrained(tmp_path / "view", push_to_hub=True)


def test_the_view_has_no_weights_of_its_own(source: Path) -> None:
    view = ByteLevelCausalLM.from_source(source)
    assert not view.state_dict()
    assert view.num_parameters() == 0
    assert view.device == torch.device("cpu")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": ""}, "source must be"),
        ({"source": []}, "source must be"),
        ({"source": ["a", 1]}, "source must be"),
        ({"source_options": {"allow_download": True}}, "source_options holds 'allow_download'"),
        ({"combine": "sum"}, "combine must be"),
        ({"logits_dtype": "float16"}, "logits_dtype must be"),
        ({"eos_token_id": 2}, "ids of a byte-level view are fixed"),
    ],
)
def test_wrong_configurations_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TokkitError, match=message):
        ByteLevelConfig(**fields)


def test_pipelines_write_text(tmp_path: Path, source: Path) -> None:
    lm = ngram_lm(tmp_path)
    write = pipeline(
        "text-generation", model=ByteLevelCausalLM.wrap(lm), tokenizer=ByteLevelTokenizer()
    )
    prompts = ["the c", "", "on the"]
    found = write(prompts, max_new_tokens=12, do_sample=False, batch_size=3)
    expected = [p + lm.generate(p, max_bytes=12, temperature=0).decode() for p in prompts]
    assert [output[0]["generated_text"] for output in found] == expected

    view = ByteLevelCausalLM.from_source(source)
    view.save_pretrained(tmp_path / "view")
    ByteLevelTokenizer().save_pretrained(tmp_path / "view")
    write = pipeline("text-generation", model=str(tmp_path / "view"))
    expected_bytes = view.byte_model.generate("the c", max_bytes=8, temperature=0)
    [output] = write("the c", max_new_tokens=8, do_sample=False, return_full_text=False)
    assert output["generated_text"] == expected_bytes.decode(errors="replace")
