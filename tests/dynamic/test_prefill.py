"""A shortened prompt is read as its definition says, and goes on token by token."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the hf extra")
pytest.importorskip("transformers", reason="needs the hf extra")
import torch

from tests.bytelm.lm_helpers import tiny_model
from tests.dynamic.test_merging import over
from tokkit.dynamic.embedding import SubtokenEmbedder
from tokkit.dynamic.merged_batch import MergedBatch
from tokkit.dynamic.merging import merge_batch
from tokkit.dynamic.prefill import prefill
from tokkit.dynamic.vocabulary_index import VocabularyIndex
from tokkit.errors import ArgumentError, EncodingError, UnsupportedError

TOKENIZER = over()
BOS = TOKENIZER.special_tokens["<|end|>"]
ANSWER = [101, 102, 103, 104]


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_model("llama", vocab_size=TOKENIZER.vocab_size)


def merged(**options: Any) -> MergedBatch:
    return merge_batch(["zz", "abab abc cab"], tokenizer=TOKENIZER, **options)


def by_definition(model: Any, batch: MergedBatch, depth: int, answer: list[int]) -> torch.Tensor:
    """The logits after the prompt and after each id of the answer, all layers at once."""
    base = model.base_model
    ids = [BOS, *batch.originals[1].tolist()]
    kept = [0, *(batch.spans[1][:, 1]).tolist()]
    kept += range(len(ids), len(ids) + len(answer))
    with torch.inference_mode():
        states = base.embed_tokens(torch.tensor([[*ids, *answer]]))
        for layer_number, layer in enumerate(base.layers):
            if layer_number == depth:
                states = states[:, kept]
            n = states.shape[1]
            mask = torch.full((n, n), -torch.inf).triu(1)[None, None]
            positions = torch.arange(n)[None]
            rotations = base.rotary_emb(states, positions)
            states = layer(states, attention_mask=mask, position_embeddings=rotations)
        logits = model.lm_head(base.norm(states))[0]
    return logits[-len(answer) - 1 :]


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=2e-4)


def test_without_merges_a_prompt_is_read_as_the_model_reads_it(model: Any) -> None:
    batch = merged(n_merges=0)
    ids = [BOS, *batch.originals[1].tolist(), *ANSWER]
    with torch.inference_mode():
        expected = model(torch.tensor([ids])).logits[0, -len(ANSWER) - 1 :]
    embedder = SubtokenEmbedder(model.get_input_embeddings().weight.detach().numpy())
    ways: tuple[dict[str, Any], ...] = ({"depth": 0}, {"depth": 2}, {}, {"embedder": embedder})
    for way in ways:
        read = prefill(model, batch, 1, bos_ids=[BOS], **way)
        close(read.logits, expected[0])
        close(read.extend(ANSWER), expected[1:])


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_states_of_last_parts_go_on_alone(model: Any, depth: int) -> None:
    batch = merged()
    assert batch.reduction > 0.2
    expected = by_definition(model, batch, depth, ANSWER)
    read = prefill(model, batch, 1, bos_ids=[BOS], depth=depth)
    close(read.logits, expected[0])
    close(torch.cat([read.extend(ANSWER[:1]), read.extend(ANSWER[1:])]), expected[1:])
    assert read.n_kept == 1 + len(batch.sequences[1]) + len(ANSWER)
    lengths = [layer.keys.shape[-2] for layer in read.cache.layers]
    whole = 1 + len(batch.originals[1]) + len(ANSWER)
    assert lengths == [whole] * depth + [read.n_kept] * (3 - depth)


def test_rows_of_merged_tokens_are_read_in_their_place(model: Any) -> None:
    batch = merged()
    matrix = model.get_input_embeddings().weight.detach().numpy()
    embedder = SubtokenEmbedder(matrix, last=0.5)
    read = prefill(model, batch, 1, bos_ids=[BOS], embedder=embedder)
    spellings = [(BOS,), *map(batch.original_ids, batch.sequences[1].tolist())]
    rows = np.concatenate([embedder.rows(spellings), matrix[ANSWER]])
    with torch.inference_mode():
        expected = model(inputs_embeds=torch.tensor(rows)[None]).logits[0, -len(ANSWER) - 1 :]
    close(read.logits, expected[0])
    close(read.extend(ANSWER), expected[1:])


def test_generating_takes_the_likeliest_token_again_and_again(model: Any) -> None:
    batch = merged()
    found = prefill(model, batch, 1, bos_ids=[BOS], depth=1).generate(5)
    assert len(found) == 5
    logits = by_definition(model, batch, 1, found)
    assert logits.argmax(dim=1).tolist()[:5] == found
    read = prefill(model, batch, 1, bos_ids=[BOS], depth=1)
    assert read.generate(5, end_ids=[found[2]]) == found[: found.index(found[2])]


def test_a_larger_vocabulary_is_generated_from(model: Any) -> None:
    batch = merged()
    rows = model.get_output_embeddings().weight.detach().numpy()
    own = prefill(model, batch, 1, depth=1).generate(4)
    none = VocabularyIndex(rows, [])
    assert prefill(model, batch, 1, depth=1).generate(4, index=none) == own
    spelling = [own[0], own[1]]
    index = VocabularyIndex(rows, [spelling, [7, 8]], bias=[100.0, -100.0])
    options: dict[str, Any] = {"index": index, "spellings": [spelling, [7, 8]]}
    read = prefill(model, batch, 1, depth=1)
    assert read.generate(2, **options) == [index.n_base] * 2
    plain = prefill(model, batch, 1, depth=1)
    plain.extend(spelling * 2)
    close(read.logits, plain.logits)
    assert read.generate(2, end_ids=[index.n_base], **options) == []
    with pytest.raises(ArgumentError, match="a spelling for each further row"):
        read.generate(1, index=index)
    with pytest.raises(ArgumentError, match="base rows"):
        read.generate(1, index=VocabularyIndex(rows[:5], []))


@pytest.mark.parametrize("kind", ["mistral", "gemma3"])
def test_models_with_windows_are_refused(kind: str) -> None:
    with pytest.raises(UnsupportedError, match="window"):
        prefill(tiny_model(kind, vocab_size=TOKENIZER.vocab_size), merged())


def test_models_of_another_build_are_refused(model: Any) -> None:
    from transformers import CohereConfig, CohereForCausalLM, GPT2Config, GPT2LMHeadModel

    small = GPT2LMHeadModel(GPT2Config(vocab_size=300, n_embd=8, n_layer=1, n_head=2)).eval()
    with pytest.raises(UnsupportedError, match="no embed_tokens"):
        prefill(small, merged())
    settings: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 16}
    settings |= {"num_attention_heads": 2, "num_key_value_heads": 2}
    torch.manual_seed(0)
    scaled = CohereForCausalLM(
        CohereConfig(vocab_size=300, num_hidden_layers=1, logit_scale=0.5, **settings)
    ).eval()
    with pytest.raises(UnsupportedError, match="other logits"):
        prefill(scaled, merged())


def test_what_does_not_fit_is_refused(model: Any) -> None:
    batch = merged()
    embedder = SubtokenEmbedder(np.zeros((300, 32), np.float32))
    with pytest.raises(ArgumentError, match="number"):
        prefill(model, batch, 2)
    with pytest.raises(ArgumentError, match="depth must be"):
        prefill(model, batch, depth=4)
    with pytest.raises(ArgumentError, match="leave one out"):
        prefill(model, batch, depth=1, embedder=embedder)
    with pytest.raises(ArgumentError, match="the prompt is empty"):
        prefill(model, merge_batch([""], tokenizer=TOKENIZER))
    with pytest.raises(EncodingError, match="model has rows"):
        prefill(model, batch, bos_ids=[5000])


def test_a_model_in_training_mode_is_refused_and_no_ids_are_no_step(model: Any) -> None:
    read = prefill(model, merged(), bos_ids=[BOS])
    before = read.logits.clone(), read.n_kept
    assert read.extend([]).shape == (0, TOKENIZER.vocab_size)
    assert torch.equal(read.logits, before[0])
    assert read.n_kept == before[1]
    model.train()
    try:
        with pytest.raises(ArgumentError, match=r"call model\.eval\(\)"):
            prefill(model, merged())
        with pytest.raises(ArgumentError, match=r"call model\.eval\(\)"):
            read.extend(ANSWER)
    finally:
        model.eval()
