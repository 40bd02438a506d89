"""What `TransformersLM` takes and refuses, and what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.bytelm.lm_helpers import VOCAB_SIZE, FakeTokenizer, full_context_logprobs, tiny_model
from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM
from tokkit.errors import (
    ArgumentError,
    EncodingError,
    ModelError,
)

ANY: Any = FakeTokenizer()


def _tokenizer(**fields: Any) -> Any:
    return FakeTokenizer(**fields)


def test_too_few_columns_are_refused() -> None:
    with pytest.raises(ModelError, match=r"does not match its tokenizer.* 40 ids .* 50"):
        TransformersLM(tiny_model("llama", vocab_size=40), ANY)


def test_far_too_many_columns_are_refused() -> None:
    with pytest.raises(ModelError, match="far more"):
        TransformersLM(tiny_model("llama", vocab_size=1200), ANY)


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_padding_columns_are_cut_after_the_softmax(kind: str) -> None:
    model = tiny_model(kind, vocab_size=64)
    row = TransformersLM(model, ANY).next_token_logprobs([[4, 5]])[0]
    assert row.shape == (VOCAB_SIZE,)
    expected = full_context_logprobs(model, [1, 4, 5])[:VOCAB_SIZE]
    np.testing.assert_allclose(row, expected, atol=5e-5, rtol=0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_unusable_logits_are_refused(bad: float) -> None:
    model = tiny_model("llama")
    lm = TransformersLM(model, ANY)
    with torch.no_grad():
        model.lm_head.weight[20, 3] = bad
        model.lm_head.weight[20, 4] = bad
    with pytest.raises(ModelError, match="NaN or infinite logits; try dtype='float32'"):
        lm.next_token_logprobs([[4]])
    with pytest.raises(ModelError, match="NaN or infinite"):
        TransformersLM(model, ANY)


def test_final_softcapping_is_honoured() -> None:
    model = tiny_model("gemma3", final_logit_softcapping=2.0)
    lm = TransformersLM(model, ANY)
    expected = full_context_logprobs(model, [1, 4, 5])
    np.testing.assert_allclose(lm.next_token_logprobs([[4, 5]])[0], expected, atol=5e-5, rtol=0)


def _with_logits(change: Any) -> Any:
    """A model whose logits are changed after its head, as nothing in its configuration says."""
    model = tiny_model("llama")
    plain = model.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        output = plain(*args, **kwargs)
        output.logits = change(output.logits)
        return output

    model.forward = forward
    return model


def test_logits_that_are_changed_after_the_head_are_those_that_count() -> None:
    model = _with_logits(lambda logits: logits * 2)
    lm = TransformersLM(model, ANY)
    assert lm.way == "states"
    expected = full_context_logprobs(model, [1, 4, 5])
    np.testing.assert_allclose(lm.next_token_logprobs([[4, 5]])[0], expected, atol=5e-5, rtol=0)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_models_that_say_nothing_are_refused(dtype: str) -> None:
    model = _with_logits(lambda logits: logits * 0).to(getattr(torch, dtype))
    with pytest.raises(ModelError, match="every token the same probability"):
        TransformersLM(model, ANY)


def test_models_without_a_head_are_refused() -> None:
    with pytest.raises(ModelError, match="AutoModelForCausalLM"):
        TransformersLM(tiny_model("llama").model, ANY)


def test_attention_that_cannot_run_is_refused() -> None:
    model = tiny_model("llama")
    model.config._attn_implementation_internal = "flash_attention_2"
    with pytest.raises(ModelError, match="plain pass .* failed"):
        TransformersLM(model, ANY)


@pytest.mark.parametrize(
    ("explicit", "tokenizer", "expected"),
    [
        ([9, 8], {}, (9, 8)),
        (None, {}, (1,)),
        (None, {"bos_ids": (), "special_tokens": {"<|endoftext|>": 7}}, (7,)),
        (None, {"bos_ids": ()}, (1,)),  # the configuration's
    ],
)
def test_start_of_text_is_the_first_that_there_is(
    explicit: list[int] | None, tokenizer: dict[str, Any], expected: tuple[int, ...]
) -> None:
    lm = TransformersLM(tiny_model("llama"), _tokenizer(**tokenizer), bos_ids=explicit)
    assert lm.bos_ids == expected


def test_start_of_text_falls_back_to_the_end_or_is_demanded() -> None:
    model = tiny_model("llama", bos_token_id=None, eos_token_id=None)
    assert TransformersLM(model, _tokenizer(bos_ids=())).bos_ids == (2,)
    with pytest.raises(ModelError, match="pass bos_ids"):
        TransformersLM(model, _tokenizer(bos_ids=(), eos_ids=()))


def test_end_of_text_may_be_given_or_absent() -> None:
    model = tiny_model("llama")
    assert TransformersLM(model, ANY).eos_ids == (2,)
    assert TransformersLM(model, ANY, eos_ids=[4, 5]).eos_ids == (4, 5)
    assert TransformersLM(model, ANY, eos_ids=[]).eos_ids == ()


@pytest.mark.parametrize("which", ["bos_ids", "eos_ids"])
def test_marks_outside_the_vocabulary_are_refused(which: str) -> None:
    options: dict[str, Any] = {which: [VOCAB_SIZE]}
    with pytest.raises(EncodingError, match=which):
        TransformersLM(tiny_model("llama"), ANY, **options)


def test_contexts_outside_the_vocabulary_are_refused() -> None:
    with pytest.raises(EncodingError, match="id 50 is outside"):
        TransformersLM(tiny_model("llama"), ANY).next_token_logprobs([[4], [50]])


def test_batch_size_must_be_positive() -> None:
    with pytest.raises(ArgumentError, match="max_batch_tokens must be .* of at least 1, got 0"):
        TransformersLM(tiny_model("llama"), ANY, max_batch_tokens=0)
