"""What a user names is loaded as a model with one row a token, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")
from tests.hypernets.plain_models.toy_models import logits, toy_model, toy_tokenizer
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.hypernets.plain_models.source_models import load_source
from tokkit.text.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def fast() -> Any:
    return toy_tokenizer()


@pytest.mark.parametrize("kind", ["llama", "bert", "roberta", "t5"])
def test_a_folder_is_loaded_with_its_head_and_tokenizer(
    kind: str, fast: Any, tmp_path: Path
) -> None:
    model = toy_model(kind, len(fast))
    model.save_pretrained(tmp_path)
    fast.save_pretrained(tmp_path)
    source = load_source(tmp_path)
    assert type(source.model) is type(model)
    assert source.masked == (kind in ("bert", "roberta"))
    assert source.tokenizer.vocab_size == len(fast)
    torch.testing.assert_close(logits(source.model, [5, 6, 7]), logits(model, [5, 6, 7]))
    half = load_source(tmp_path, dtype="bfloat16")
    assert half.model.dtype == torch.bfloat16


def test_a_loaded_model_stays_the_same_object(fast: Any, tmp_path: Path) -> None:
    model = toy_model("llama", len(fast))
    assert load_source(model, tokenizer=fast).model is model
    assert load_source((model, load_tokenizer(fast))).model is model
    with pytest.raises(ArgumentError, match="dtype"):
        load_source(model, tokenizer=fast, dtype="bfloat16")
    with pytest.raises(ArgumentError, match="tokenizer"):
        load_source(model)
    model.save_pretrained(tmp_path)
    fast.save_pretrained(tmp_path)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert load_source(again).tokenizer.vocab_size == len(fast)


def test_a_tokenizer_of_another_model_is_refused(fast: Any) -> None:
    with pytest.raises(ModelError, match="does not match"):
        load_source(toy_model("llama", len(fast) - 10), tokenizer=fast)
    with pytest.raises(ModelError, match="does not match"):
        load_source(toy_model("llama", 5000), tokenizer=fast)


def test_a_model_without_a_matrix_of_the_vocabulary_is_refused(fast: Any) -> None:
    vit = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    with pytest.raises((ModelError, UnsupportedError), match="matrix"):
        load_source(transformers.ViTForImageClassification(vit), tokenizer=fast)
    headless = transformers.AutoModel.from_config(toy_model("llama", len(fast)).config)
    with pytest.raises(ModelError, match="no output matrix"):
        load_source(headless, tokenizer=fast)
    for wrong in (3, object(), torch.nn.Linear(2, 2)):
        with pytest.raises(ArgumentError, match="model"):
            load_source(wrong, tokenizer=fast)


def test_embeddings_of_every_layer_are_refused_by_name(fast: Any) -> None:
    config = transformers.AutoConfig.for_model(
        "gemma3n_text", vocab_size=len(fast), vocab_size_per_layer_input=len(fast),
        hidden_size=32, hidden_size_per_layer_input=8, num_hidden_layers=2,
        intermediate_size=[48] * 2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, num_kv_shared_layers=0,
        laurel_rank=4, activation_sparsity_pattern=[0.0] * 2, layer_types=["full_attention"] * 2,
    )  # fmt: skip
    model = transformers.AutoModelForCausalLM.from_config(config)
    with pytest.raises(UnsupportedError, match="hidden_size_per_layer_input"):
        load_source(model, tokenizer=fast)
