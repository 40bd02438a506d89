"""Linear layers with int8 weights: close to the original, and the same row by row."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from typing import Any, cast

import numpy as np

from tests.bytelm.lm_helpers import FakeTokenizer, tiny_model
from tokkit.bytelm.token_models.transformers.layers.int8_weights import Int8Linear, quantize_linears
from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM


def linear(bias: bool) -> Any:
    torch.manual_seed(0)
    return torch.nn.Linear(64, 48, bias=bias)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("n_rows", [1, 4, 40])
def test_product_is_that_of_the_rounded_weights(n_rows: int, bias: bool) -> None:
    exact = linear(bias)
    layer = Int8Linear(exact)
    rounded = layer.weight.float() * layer.scale.float()[:, None]
    step = exact.weight.abs().amax(dim=1, keepdim=True) / 127
    assert bool((abs(rounded - exact.weight) <= 1.01 * step).all())
    rows = torch.randn(n_rows, 64).bfloat16()
    expected = torch.nn.functional.linear(rows.float(), rounded, exact.bias)
    assert torch.allclose(layer(rows).float(), expected, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("n_rows", [2, 40])
def test_a_row_does_not_depend_on_the_rows_beside_it(n_rows: int) -> None:
    layer = Int8Linear(linear(bias=False))
    rows = torch.randn(n_rows, 64).bfloat16()
    scaled = rows.clone()
    scaled[1:] *= 1000
    assert torch.equal(layer(rows)[0], layer(scaled)[0])


def test_a_quantised_model_stays_close_and_keeps_its_head() -> None:
    contexts = [[5, 7], [5, 7, 11, 13], [3]]
    model = tiny_model("llama").bfloat16()
    head = model.get_output_embeddings()
    before = np.exp(TransformersLM(model, cast(Any, FakeTokenizer())).next_token_logprobs(contexts))
    quantize_linears(model)
    assert model.get_output_embeddings() is head
    assert any(isinstance(module, Int8Linear) for module in model.modules())
    after = np.exp(TransformersLM(model, cast(Any, FakeTokenizer())).next_token_logprobs(contexts))
    difference = abs(after - before).sum(axis=1) / 2
    assert (difference > 0).any()
    assert (difference < 0.1).all()
