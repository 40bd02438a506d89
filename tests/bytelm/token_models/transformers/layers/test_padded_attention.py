"""A packed model pads inside attention only, and its small passes agree with large ones."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from typing import Any

import numpy as np
from transformers import AttentionInterface

from tests.bytelm.lm_helpers import FakeTokenizer, tiny_model
from tokkit.bytelm.token_models.transformers.layers.packed_linear import can_pack, pack_linears
from tokkit.bytelm.token_models.transformers.layers.padded_attention import (
    PADDED,
    ROW_BLOCK,
    additive,
    pad_queries,
    round_up,
)
from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM

pytestmark = pytest.mark.skipif(
    not can_pack(tiny_model("llama")),
    reason="this torch has no oneDNN operators for packed weights",
)
TOKENIZER: Any = FakeTokenizer()
KINDS = ("llama", "mistral", "gemma3")


def packed_lm(kind: str) -> TransformersLM:
    model = tiny_model(kind)
    pack_linears(model)
    pad_queries(model)
    return TransformersLM(model, TOKENIZER)


def rows_of_passes(lm: TransformersLM) -> list[int]:
    """How many ids the body reads in each pass, from now on."""
    rows: list[int] = []
    body: Any = lm._model.base_model
    body.register_forward_pre_hook(
        lambda _module, _args, options: rows.append(options["input_ids"].shape[1]),
        with_kwargs=True,
    )
    return rows


@pytest.mark.parametrize("n", range(10))
def test_blocks_are_the_next_multiple(n: int) -> None:
    assert n <= round_up(n) < n + ROW_BLOCK
    assert round_up(n) % ROW_BLOCK == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_tokens", [9, 50])
def test_padding_changes_no_probability(kind: str, n_tokens: int) -> None:
    """In steps of one, where heads share their keys, and in one pass over more than a few rows."""
    tokens = [5 + (7 * k) % 11 for k in range(n_tokens)]
    plain = TransformersLM(tiny_model(kind), TOKENIZER)
    expected = plain.next_token_logprobs([tokens[:n] for n in range(len(tokens) + 1)])
    session = packed_lm(kind).session()
    node, steps = session.root, [session.logprobs([session.root])[0]]
    for token in tokens:
        node = session.extend(node, token)
        steps.append(session.logprobs([node])[0])
    np.testing.assert_allclose(np.stack(steps), expected, atol=1e-4)
    whole = packed_lm(kind).next_token_logprobs([tokens])
    np.testing.assert_allclose(whole, expected[-1:], atol=1e-4)


@pytest.mark.parametrize("n", [1, 3, 60])
def test_values_may_be_narrower_than_keys(n: int) -> None:
    pad_queries(tiny_model("llama"))  # makes the attention known to transformers
    generator = torch.Generator().manual_seed(0)
    shapes = ((1, 4, n, 8), (1, 2, n, 8), (1, 2, n, 6))
    query, key, value = (torch.randn(shape, generator=generator) for shape in shapes)
    mask = additive(np.tri(n, dtype=np.bool_))
    free = (0, 0, 0, mask.shape[3] - n)
    layer = torch.nn.Module()
    layer.num_key_value_groups = 2
    found, _ = AttentionInterface()[PADDED](
        layer,
        query,
        torch.nn.functional.pad(key, free),
        torch.nn.functional.pad(value, free),
        mask,
    )
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, key.repeat_interleave(2, 1), value.repeat_interleave(2, 1), is_causal=True
    )
    torch.testing.assert_close(found, expected.transpose(1, 2))


def test_passes_hold_only_what_was_asked_for() -> None:
    lm = packed_lm("llama")
    rows = rows_of_passes(lm)
    session = lm.session()
    first = session.extend(session.root, 5)
    session.logprobs([first])
    session.logprobs([session.extend(first, token) for token in (6, 7, 8)])
    session.logprobs([session.extend(first, 9)])
    assert rows == [2, 3, 1]


def test_a_model_that_is_not_packed_is_padded_throughout() -> None:
    lm = TransformersLM(tiny_model("llama"), TOKENIZER)
    rows = rows_of_passes(lm)
    session = lm.session()
    session.logprobs([session.extend(session.root, 5)])
    assert rows == [ROW_BLOCK]


def test_eager_attention_is_left_alone() -> None:
    model = tiny_model("llama")
    model.set_attn_implementation("eager")
    pad_queries(model)
    assert model.config._attn_implementation == "eager"
