"""The layers of a model say what they say in it, whatever it does with its logits afterwards."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")
from tests.hypernets.plain_models.toy_models import toy_model
from tokkit.errors import UnsupportedError
from tokkit.hypernets.frozen_body import FrozenBody
from tokkit.hypernets.head import captured_states

IDS = torch.tensor([[3, 9, 27, 81], [80, 0, 7, 7]])
SCALED = {"granite": 0.5, "cohere": 0.25}
KINDS = ("llama", "mistral", "gemma3_text", "gpt2", *SCALED)


@pytest.mark.parametrize("kind", [*KINDS, "gemma2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_states_are_those_that_the_whole_model_gives_its_head(kind: str, dtype: Any) -> None:
    model = toy_model(kind, 280).to(dtype)
    with torch.no_grad(), captured_states(model) as found:
        inner = model(IDS, output_hidden_states=True).hidden_states[1]
    body = FrozenBody(model)
    inputs = body.old_inputs(IDS)
    assert torch.equal(body.states(inputs), found[0].float())
    assert torch.equal(body.inner_states(inputs, 1), inner.float())
    both = body.both_states(inputs, 1)
    assert torch.equal(both[0], inner.float())
    assert torch.equal(both[1], found[0].float())


@pytest.mark.parametrize("kind", KINDS)
def test_products_are_the_logits_before_a_model_scales_them(kind: str) -> None:
    model = toy_model(kind, 280)
    body = FrozenBody(model)
    with torch.no_grad():
        logits = body.products(body.states(body.old_inputs(IDS))) * SCALED.get(kind, 1.0)
        torch.testing.assert_close(logits, model(IDS).logits)


@pytest.mark.parametrize("kind", ["llama", "gemma3_text", "granite"])
def test_old_rows_that_are_picked_are_read_as_their_ids_are(kind: str) -> None:
    body = FrozenBody(toy_model(kind, 280), dtype=torch.bfloat16)
    used, places = torch.unique(IDS, return_inverse=True)
    rows = toy_model(kind, 280).get_input_embeddings().weight[used].detach().requires_grad_()
    inputs = body.inputs(rows, places)
    assert torch.equal(inputs, body.old_inputs(IDS))
    body.states(inputs).sum().backward()
    assert bool((rows.grad != 0).any(1).all())  # of row 1, too, though id 1 pads


def test_the_model_stays_as_it_is() -> None:
    model = toy_model("gpt2", 280, attn_pdrop=0.5, resid_pdrop=0.5, embd_pdrop=0.5).train()
    head = model.get_output_embeddings()
    body = FrozenBody(model)
    inputs = body.old_inputs(IDS)
    assert torch.equal(body.states(inputs), body.states(inputs))  # it does not drop out
    assert model.training
    assert all(each.requires_grad for each in model.parameters())
    assert model.get_output_embeddings() is head
    assert not head._forward_pre_hooks
    narrow = FrozenBody(model, dtype=torch.bfloat16)
    assert (narrow.dtype, narrow.old_inputs(IDS).dtype) == (torch.bfloat16, torch.bfloat16)
    assert model.dtype == torch.float32
    weight = model.get_input_embeddings().weight
    assert body._embedding.weight.data_ptr() == weight.data_ptr()  # the numbers are shared


def test_the_layers_are_told_from_longer_lists_within_them() -> None:
    model = toy_model("llama", 280)
    for layer in model.model.layers:
        layer.experts = torch.nn.ModuleList([torch.nn.Identity() for _ in range(5)])
    assert len(FrozenBody(model).layers) == 2
    model.model.layers.extend(list(model.model.layers))
    with pytest.raises(UnsupportedError, match="no list of its 2 layers"):
        len(FrozenBody(model).layers)
