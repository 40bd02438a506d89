"""Packed linear layers compute what plain ones do, and the same for a row whatever is beside it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from pathlib import Path
from typing import Any

import numpy as np

from tests.bytelm.lm_helpers import FakeTokenizer, tiny_model
from tokkit.bytelm.model_loading import load_token_lm
from tokkit.bytelm.packed_linear import PackedLinear, can_pack, pack_linears
from tokkit.bytelm.transformers_lm import TransformersLM

pytestmark = pytest.mark.skipif(
    not can_pack(tiny_model("llama")),
    reason="this torch has no oneDNN operators for packed weights",
)
TOKENIZER: Any = FakeTokenizer()
CONTEXTS = [[5], [5, 7], [5, 7, 9, 3, 3, 8], [6, 7]]


def linear(bias: bool) -> Any:
    torch.manual_seed(0)
    return torch.nn.Linear(96, 80, bias=bias)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(1, 96), (3, 96), (2, 5, 96), (70, 96)])
def test_product_is_that_of_the_plain_layer(shape: tuple[int, ...], bias: bool) -> None:
    plain = linear(bias)
    rows = torch.randn(*shape)
    with torch.inference_mode():
        found = PackedLinear(plain)(rows)
        assert found.shape == (*shape[:-1], 80)
        assert torch.allclose(found, plain(rows), atol=1e-5)


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    layer = PackedLinear(linear(bias=False))
    rows = torch.randn(70, 96)
    with torch.inference_mode():
        whole = layer(rows)
        for n_rows in (1, 2, 3, 4, 7, 33):
            assert torch.equal(layer(rows[:n_rows]), whole[:n_rows]), n_rows


@pytest.mark.parametrize("shape", [(576, 192), (1536, 576), (576, 8192), (640, 2048)])
def test_no_number_of_rows_changes_a_row_of_a_layer_of_usual_size(shape: tuple[int, int]) -> None:
    torch.manual_seed(1)
    layer = PackedLinear(torch.nn.Linear(*shape, bias=False))
    rows = torch.randn(33, shape[0])
    with torch.inference_mode():
        whole = layer(rows)
        for n_rows in range(1, 33):
            assert torch.equal(layer(rows[:n_rows]), whole[:n_rows]), n_rows


@pytest.mark.parametrize("packed", [False, True])
def test_scores_of_a_context_do_not_depend_on_those_asked_for_beside_it(packed: bool) -> None:
    model = tiny_model("llama")
    if packed:
        pack_linears(model)
    backbone = TransformersLM(model, TOKENIZER)._backbone
    hidden = torch.randn(11, backbone.hidden_size)
    with torch.inference_mode():
        whole = backbone.logits(hidden, backbone.n_logits)
        for n_rows in range(1, 11):
            found = backbone.logits(hidden[:n_rows], backbone.n_logits)
            np.testing.assert_array_equal(found, whole[:n_rows])


@pytest.mark.parametrize("kind", ["llama", "mistral", "gemma3"])
def test_a_packed_model_agrees_with_the_plain_one(kind: str) -> None:
    plain = TransformersLM(tiny_model(kind), TOKENIZER)
    model = tiny_model(kind)
    pack_linears(model)
    assert not any(type(module) is torch.nn.Linear for module in model.modules())
    packed = TransformersLM(model, TOKENIZER)
    np.testing.assert_allclose(
        packed.next_token_logprobs(CONTEXTS), plain.next_token_logprobs(CONTEXTS), atol=1e-4
    )


def test_loading_packs_in_float32_only_and_unless_told_otherwise(tmp_path: Path) -> None:
    tiny_model("llama").save_pretrained(tmp_path)

    def is_packed(**options: Any) -> bool:
        lm = load_token_lm(tmp_path, tokenizer=TOKENIZER, **options)
        return any(isinstance(module, PackedLinear) for module in lm._model.modules())

    assert is_packed()
    assert not is_packed(packed=False)
    assert not is_packed(dtype="bfloat16")
