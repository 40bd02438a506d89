"""Packed linear layers compute what plain ones do, and the same for a row whatever is beside it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from pathlib import Path
from typing import Any

import numpy as np
from transformers.pytorch_utils import Conv1D

from tests.bytelm.lm_helpers import FakeTokenizer, tiny_model
from tokkit.bytelm.token_models.transformers.layers.packed_linear import (
    PackedLinear,
    can_pack,
    pack_linears,
)
from tokkit.bytelm.token_models.transformers.layers.packing import pack
from tokkit.bytelm.token_models.transformers.layers.row_blocks import SIZES
from tokkit.bytelm.token_models.transformers.loading import load_token_lm
from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM

pytestmark = pytest.mark.skipif(
    not can_pack(tiny_model("llama")),
    reason="this torch has no oneDNN operators for packed weights",
)
TOKENIZER: Any = FakeTokenizer()
CONTEXTS = [[5], [5, 7], [5, 7, 9, 3, 3, 8], [6, 7]]


def linear(bias: bool) -> Any:
    torch.manual_seed(0)
    return torch.nn.Linear(96, 80, bias=bias)


def packed(layer: Any) -> PackedLinear:
    return PackedLinear(layer.weight, layer.bias)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(1, 96), (3, 96), (2, 5, 96), (0, 96), (140, 96), (2, 150, 96)])
def test_product_is_that_of_the_plain_layer(shape: tuple[int, ...], bias: bool) -> None:
    plain = linear(bias)
    rows = torch.randn(*shape)
    with torch.inference_mode():
        found = packed(plain)(rows)
        assert found.shape == (*shape[:-1], 80)
        assert torch.allclose(found, plain(rows), atol=1e-5)


USUAL = [(96, 80), (576, 192), (1536, 576), (576, 8192), (640, 2048)]
ODD = [(1, 1), (577, 33), (1000, 130), (31, 2001), (4099, 7)]


@pytest.mark.parametrize("shape", USUAL + ODD)
def test_a_row_does_not_depend_on_the_rows_beside_it(shape: tuple[int, int]) -> None:
    """Whatever the processor, each number of rows, and each place in a pass of many."""
    torch.manual_seed(1)
    layer = packed(torch.nn.Linear(*shape, bias=False))
    rows = torch.randn(SIZES[0] + 37, shape[0])
    with torch.inference_mode():
        whole = layer(rows)
        for n_rows in (*range(1, 34), 47, 63, 65, SIZES[0]):
            assert torch.equal(layer(rows[:n_rows]), whole[:n_rows]), n_rows
            assert torch.equal(layer(rows[-n_rows:]), whole[-n_rows:]), n_rows
        assert torch.equal(layer(rows.flip(0)).flip(0), whole)


@pytest.mark.slow
@pytest.mark.parametrize("n_columns", [49_152, 262_144])
def test_nor_does_a_row_of_a_head(n_columns: int) -> None:
    torch.manual_seed(1)
    layer = packed(torch.nn.Linear(128, n_columns, bias=False))
    rows = torch.randn(SIZES[0] + 39, 128)
    with torch.inference_mode():
        whole = layer(rows)
        for n_rows in (1, 2, 3, 4, 5, 7, 11, 31, 33, 64, 65, 127, SIZES[0]):
            assert torch.equal(layer(rows[:n_rows]), whole[:n_rows]), n_rows


def test_a_layer_measures_again_when_torch_gets_other_threads() -> None:
    layer = packed(linear(bias=False))
    rows = torch.randn(70, 96)
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2, 1):
            torch.set_num_threads(n_threads)
            whole = layer(rows)
            assert all(torch.equal(layer(rows[:n]), whole[:n]) for n in range(1, 9))
        assert {n_threads for n_threads, _ in layer._sizes} == {1, 2}
    finally:
        torch.set_num_threads(before)


def test_what_zeros_show_is_not_believed_of_other_layers() -> None:
    known: dict[Any, Any] = {}
    PackedLinear(torch.zeros(8, 8), known=known).sizes()
    assert not known
    PackedLinear(torch.ones(8, 8), known=known).sizes()
    assert len(known) == 1


def test_layers_of_gpt2_are_packed() -> None:
    torch.manual_seed(0)
    conv = Conv1D(80, 96)
    model = torch.nn.Sequential(conv)
    rows = torch.randn(5, 96)
    pack_linears(model)
    assert isinstance(model[0], PackedLinear)
    with torch.inference_mode():
        assert torch.allclose(model(rows), conv(rows), atol=1e-5)


@pytest.mark.parametrize("packs", [False, True])
def test_scores_of_a_context_do_not_depend_on_those_asked_for_beside_it(packs: bool) -> None:
    model = tiny_model("llama")
    if packs:
        pack_linears(model)
    backbone = TransformersLM(model, TOKENIZER)._backbone
    assert backbone is not None
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
    lm = TransformersLM(model, TOKENIZER)
    np.testing.assert_allclose(
        lm.next_token_logprobs(CONTEXTS), plain.next_token_logprobs(CONTEXTS), atol=1e-4
    )


def test_loading_packs_in_float32_only_and_unless_told_otherwise(tmp_path: Path) -> None:
    tiny_model("llama").save_pretrained(tmp_path)

    def is_packed(**options: Any) -> bool:
        lm = load_token_lm(tmp_path, tokenizer=TOKENIZER, **options)
        return any(isinstance(module, PackedLinear) for module in lm._model.modules())

    assert is_packed()
    assert not is_packed(packed=False)
    assert not is_packed(dtype="bfloat16")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 3e38])
@pytest.mark.parametrize("rows", [slice(None), 3])
@pytest.mark.parametrize("name", ["lm_head", "model.embed_tokens", "model.layers.1.mlp.down_proj"])
def test_weights_that_are_no_numbers_are_packed_without_a_warning(
    name: str, rows: slice | int, bad: float
) -> None:
    model = tiny_model("llama")
    with torch.no_grad():
        model.get_submodule(name).weight[rows] = bad
    assert pack(model)
