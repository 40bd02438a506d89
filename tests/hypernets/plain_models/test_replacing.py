"""A model with another vocabulary is a plain model: the same numbers, saved or not.

The architectures of the default part are those that differ most; the sweep over all is slow.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")
from tests.hypernets.plain_models.toy_models import (
    ARCHITECTURES,
    BOTH_SIDES,
    END,
    MASKED,
    PAD,
    logits,
    toy_model,
    toy_tokenizer,
)
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.hypernets.plain_models.replacing import keeps_bias, replace_vocabulary
from tokkit.hypernets.plain_models.saving import save_model
from tokkit.hypernets.plain_models.source_models import SourceModel, load_source
from tokkit.hypernets.plain_models.vocabulary_layers import (
    input_rows,
    output_bias,
    output_rows,
)
from tokkit.hypernets.tokenizer_export.exporting import ExportedTokenizer, export_tokenizer

QUICK = ("llama", "gemma3_text", "phi", "roberta")
EITHER = pytest.mark.parametrize(
    "kind",
    [
        each if each in QUICK else pytest.param(each, marks=pytest.mark.slow)
        for each in ARCHITECTURES
    ],
)
ALWAYS_TIED = ("t5",)
TEXT = "The sea shells she sells,\n are  surely sea shells."


@pytest.fixture(scope="module")
def target() -> ExportedTokenizer:
    return export_tokenizer(toy_tokenizer())


@pytest.fixture(scope="module")
def smaller() -> ExportedTokenizer:
    return export_tokenizer(toy_tokenizer(280))


def source_of(kind: str, target: ExportedTokenizer, **options: Any) -> SourceModel:
    size = target.text.vocab_size
    return load_source(toy_model(kind, size, **options), tokenizer=target.text)


def assert_close(one: Any, other: Any) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def reloaded(model: Any, folder: Path) -> Any:
    model.save_pretrained(folder)
    return type(model).from_pretrained(folder).eval()


@EITHER
def test_the_same_rows_give_the_same_logits(kind: str, target: ExportedTokenizer) -> None:
    source = source_of(kind, target)
    ids = target.text.encode(TEXT)
    before = logits(source.model, ids)
    rows = None if source.layers.tied else output_rows(source.model)
    made = replace_vocabulary(
        source,
        target,
        input_rows(source.model),
        output_rows=rows,
        output_bias=output_bias(source.model),
    )
    assert made.tied == source.layers.tied
    assert not made.notes
    assert_close(logits(made.model, ids), before)
    assert_close(logits(source.model, ids), before)
    same = {"dtype": None}  # which transformers notes when it loads a model
    assert made.model.config.to_dict() | same == source.model.config.to_dict() | same


@EITHER
def test_a_permuted_vocabulary_permutes_the_logits(
    kind: str, target: ExportedTokenizer, tmp_path: Path
) -> None:
    source = source_of(kind, target)
    # Control tokens keep their ids: positions of RoBERTa are counted from the padding id.
    order = np.concatenate(
        [[0, 1], 2 + np.random.default_rng(0).permutation(target.text.vocab_size - 2)]
    )
    ids = np.asarray(target.text.encode(TEXT))
    place = np.argsort(order)
    bias = output_bias(source.model)
    made = replace_vocabulary(
        source,
        target,
        input_rows(source.model)[order],
        output_rows=None if source.layers.tied else output_rows(source.model)[order],
        output_bias=None if bias is None else bias[order],
    )
    expected = logits(source.model, ids)[:, order]
    assert_close(logits(made.model, place[ids]), expected)
    assert_close(logits(reloaded(made.model, tmp_path), place[ids]), expected)


@EITHER
def test_a_model_with_other_rows_is_the_same_when_it_is_loaded_again(
    kind: str, target: ExportedTokenizer, smaller: ExportedTokenizer, tmp_path: Path
) -> None:
    source = source_of(kind, target)
    n = smaller.text.vocab_size
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(n, source.layers.input_width)).astype(np.float32)
    head = rng.normal(size=(n, source.layers.output_width)).astype(np.float32)
    bias = rng.normal(size=n).astype(np.float32) if keeps_bias(source.model) else None
    if kind in ALWAYS_TIED:
        with pytest.raises((ModelError, UnsupportedError), match="rows|tie"):
            replace_vocabulary(source, smaller, rows, output_rows=head, output_bias=bias)
        return
    made = replace_vocabulary(source, smaller, rows, output_rows=head, output_bias=bias).model
    ids = smaller.text.encode(TEXT)
    expected = logits(made, ids)
    assert expected.shape[-1] == n
    save_model(made, smaller.tokenizer, tmp_path)
    again = type(made).from_pretrained(tmp_path).eval()
    assert_close(logits(again, ids), expected)
    assert again.config.vocab_size == n
    assert not again.config.tie_word_embeddings
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer(TEXT)["input_ids"] == ids


@EITHER
def test_a_replaced_model_generates(
    kind: str, target: ExportedTokenizer, smaller: ExportedTokenizer
) -> None:
    if kind in MASKED:
        pytest.skip("masked models generate nothing")
    source = source_of(kind, target)
    rows = input_rows(source.model, smaller.text.vocab_size)
    head = None if kind in BOTH_SIDES else output_rows(source.model, smaller.text.vocab_size)
    made = replace_vocabulary(source, smaller, rows, output_rows=head).model
    batch = smaller.tokenizer(["sea", "the sea shells"], return_tensors="pt", padding=True)
    batch.pop("token_type_ids", None)
    out = made.generate(**batch, max_new_tokens=5, do_sample=False)
    assert out.shape[0] == 2
    assert int(out.max()) < smaller.text.vocab_size


def test_equal_rows_stay_tied_and_others_do_not(target: ExportedTokenizer) -> None:
    source = source_of("llama", target)
    rows = input_rows(source.model)
    tied = replace_vocabulary(source, target, rows, output_rows=rows)
    assert tied.tied
    assert tied.model.config.tie_word_embeddings
    assert tied.model.lm_head.weight is tied.model.model.embed_tokens.weight
    untied = replace_vocabulary(source, target, rows, output_rows=rows + 1)
    assert not untied.tied
    assert not untied.model.config.tie_word_embeddings


def test_the_source_is_left_as_it_is(target: ExportedTokenizer, smaller: ExportedTokenizer) -> None:
    source = source_of("gpt2", target)
    state = copy.deepcopy(source.model.state_dict())
    config = source.model.config.to_dict()
    made = replace_vocabulary(source, smaller, input_rows(source.model, 280)).model
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(1.0)
    assert config == source.model.config.to_dict()
    for key, value in source.model.state_dict().items():
        assert torch.equal(value, state[key]), key


def test_padding_rows_beyond_the_tokenizer_are_no_tokens(target: ExportedTokenizer) -> None:
    model = toy_model("llama", target.text.vocab_size + 20)
    source = load_source(model, tokenizer=target.text)
    size = target.text.vocab_size
    made = replace_vocabulary(source, target, input_rows(source.model, size)).model
    ids = target.text.encode(TEXT)
    assert made.config.vocab_size == size
    assert_close(logits(made, ids), logits(model, ids)[:, :size])


def test_gemma_rows_are_given_unscaled(target: ExportedTokenizer) -> None:
    source = source_of("gemma3_text", target)
    made = replace_vocabulary(source, target, input_rows(source.model)).model
    assert float(made.get_input_embeddings().embed_scale) == pytest.approx(32**0.5)


def test_roberta_counts_positions_from_the_new_padding_id(target: ExportedTokenizer) -> None:
    """Whatever the padding id, the first token of a text has the first position's row."""
    source = source_of("roberta", target)
    ids = [each for each in target.text.encode(TEXT) if each > 1]
    before = logits(source.model, ids)
    for pad in (0, 5):
        moved = copy.deepcopy(target)
        moved.tokenizer.pad_token = moved.tokenizer.convert_ids_to_tokens(pad)
        others = [each for each in ids if each != pad]
        assert others == ids
        made = replace_vocabulary(
            source, moved, input_rows(source.model), output_bias=output_bias(source.model)
        ).model
        assert made.config.pad_token_id == pad
        assert_close(logits(made, ids), before)
    moved = copy.deepcopy(target)
    moved.tokenizer.pad_token = None
    object.__setattr__(moved, "text", smaller_special_tokens(target))
    with pytest.raises(UnsupportedError, match="padding"):
        replace_vocabulary(source, moved, input_rows(source.model))


def smaller_special_tokens(target: ExportedTokenizer) -> Any:
    """The same tokenizer without a control token that is called as the padding token was."""
    from dataclasses import replace

    from tokkit.text.tokenizer import TextTokenizer

    spec = target.text.spec
    return TextTokenizer(replace(spec, special_tokens={END: 0}))


def test_shapes_that_do_not_fit_are_refused(target: ExportedTokenizer) -> None:
    source = source_of("llama", target)
    rows = input_rows(source.model)
    for given, options, match in (
        (rows[:-1], {}, "at least"),
        (rows[:, :-1], {}, "width"),
        (rows, {"output_rows": rows[:-1]}, "output rows"),
        (rows, {"output_bias": np.zeros(len(rows), np.float32)}, "fold_bias"),
        (np.full_like(rows, np.nan), {}, "finite"),
    ):
        with pytest.raises(ArgumentError, match=match):
            replace_vocabulary(source, target, given, **options)
    assert PAD in target.text.special_tokens
