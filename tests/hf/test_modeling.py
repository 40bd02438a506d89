"""The logits of the view are the next-byte log-probabilities of the model behind it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.hf.toy_views import left_padded, ngram_lm, random_models, texts
from tokkit.bytelm.byte_model import ByteModel
from tokkit.errors import ArgumentError, TokkitError, UnsupportedError
from tokkit.hf import BLANK_ID, END_ID, ByteCache, ByteLevelCausalLM, ByteLevelTokenizer

FEW = settings(max_examples=10, deadline=None, derandomize=True)


def view(model: ByteModel) -> ByteLevelCausalLM:
    return ByteLevelCausalLM.wrap(model, logits_dtype="float64")


def tensor(rows: Any) -> Any:
    return torch.tensor(rows, dtype=torch.long)


@FEW
@given(model=random_models(), text=texts, data=st.data())
def test_logits_are_the_next_byte_logprobs_wherever_blanks_are(
    model: ByteModel, text: bytes, data: st.DataObject
) -> None:
    row, n_bytes = [BLANK_ID], [0]
    for k, byte in enumerate(text):
        for _ in range(data.draw(st.integers(0, 1))):
            row.append(BLANK_ID)
            n_bytes.append(k)
        row.append(byte)
        n_bytes.append(k + 1)
    logits = view(model)(tensor([row])).logits[0].numpy()
    expected = model.byte_logprobs(text)[n_bytes]
    np.testing.assert_allclose(np.exp(logits[:, :BLANK_ID]), np.exp(expected), atol=1e-12)
    np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1)
    # The blank is possible only where nothing else is.
    np.testing.assert_array_equal(logits[:, BLANK_ID] == 0, expected.max(axis=1) == -np.inf)


@FEW
@given(model=random_models(), rows=st.lists(texts, min_size=1, max_size=3))
def test_padding_changes_nothing_on_either_side(model: ByteModel, rows: list[bytes]) -> None:
    wrapped = view(model)
    left = left_padded([list(row) for row in rows])
    right = [[*row, *[BLANK_ID] * (len(left[0]) - len(row))] for row in rows]
    masked = [[0 if symbol == BLANK_ID else symbol for symbol in row] for row in left]
    mask = [[int(symbol != BLANK_ID) for symbol in row] for row in left]
    expected = np.stack([np.exp(model.next_byte_logprobs(row)) for row in rows])
    for ids, attention_mask in ((left, None), (right, None), (masked, mask), (left, mask)):
        for keep in (0, 1):
            logits = wrapped(
                tensor(ids),
                attention_mask=None if attention_mask is None else tensor(attention_mask),
                logits_to_keep=keep,
            ).logits
            assert logits.shape == (len(rows), 1 if keep else len(ids[0]), BLANK_ID + 1)
            found = np.exp(logits[:, -1, :BLANK_ID].numpy())
            np.testing.assert_allclose(found, expected, atol=1e-12)


@FEW
@given(model=random_models(), rows=st.lists(texts, min_size=1, max_size=3), data=st.data())
def test_a_cache_goes_on_where_it_stopped(
    model: ByteModel, rows: list[bytes], data: st.DataObject
) -> None:
    wrapped = view(model)
    ids = tensor(left_padded([list(row) for row in rows]))
    at = data.draw(st.integers(0, ids.shape[1]))
    whole = wrapped(ids).logits
    first = wrapped(ids[:, :at])
    cache = first.past_key_values
    assert cache.get_seq_length() == at
    twin = copy.deepcopy(cache)
    wrapped(torch.full_like(ids[:, :1], 97), past_key_values=twin)  # leaves `cache` alone
    rest = wrapped(ids[:, at:], past_key_values=cache)
    assert rest.past_key_values is cache
    assert cache.get_seq_length() == ids.shape[1]
    joined = torch.cat([first.logits, rest.logits], dim=1)
    torch.testing.assert_close(joined.exp(), whole.exp(), atol=1e-12, rtol=0)


@FEW
@given(model=random_models(), rows=st.lists(texts, min_size=1, max_size=3), end=st.booleans())
def test_loss_of_the_tokenizers_ids_is_the_whole_text(
    model: ByteModel, rows: list[bytes], end: bool
) -> None:
    tokenizer = ByteLevelTokenizer()
    ids = [tokenizer.encode_bytes(row) + [END_ID] * end for row in rows]
    n_symbols = sum(len(row) + end for row in rows)
    total = sum(model.logprob(row, end=end) for row in rows)
    padded = tensor(left_padded(ids))
    output = view(model)(padded, labels=padded)
    if not n_symbols:
        assert torch.isnan(output.loss)
    elif total > -np.inf:
        assert output.loss.item() * n_symbols == pytest.approx(-total, abs=1e-9)
    else:
        assert output.loss == torch.inf
    as_tuple = view(model)(padded, labels=padded, use_cache=False, return_dict=False)
    assert len(as_tuple) == 2


def test_ignored_labels_are_not_counted(tmp_path: Path) -> None:
    lm = ngram_lm(tmp_path)
    ids = tensor([list(b"the cat sat")])
    labels = ids.clone()
    labels[:, :8] = -100
    loss = view(lm)(ids, labels=labels, logits_to_keep=2)
    assert loss.loss.item() * 3 == pytest.approx(-lm.logprob("sat", prefix="the cat "))
    assert loss.logits.shape[1] == 2


def test_only_blanks_follow_the_end(tmp_path: Path) -> None:
    lm = ngram_lm(tmp_path)
    ids = [*b"the", END_ID, BLANK_ID, *b"cat"]
    logits = view(lm)(tensor([ids])).logits[0].exp()
    assert logits[2, END_ID] == pytest.approx(np.exp(lm.next_byte_logprobs("the")[END_ID]))
    assert logits[3:, BLANK_ID].tolist() == [1.0] * 5
    pushed = view(lm)(tensor([ids]), logits_to_keep=1).logits[0].exp()
    assert pushed[0, BLANK_ID] == 1


def test_logits_have_the_dtype_of_the_configuration(tmp_path: Path) -> None:
    lm = ngram_lm(tmp_path)
    ids = tensor([list(b"the")])
    assert ByteLevelCausalLM.wrap(lm)(ids).logits.dtype == torch.float32
    assert view(lm)(ids).logits.dtype == view(lm).dtype == torch.float64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_ids": [97]}, r"shape \(batch, length\)"),
        ({"input_ids": [[258]]}, "between 0 and 257"),
        ({"input_ids": [[-1]]}, "between 0 and 257"),
        ({"input_ids": [[97, 98]], "attention_mask": [[1]]}, "attention_mask must have shape"),
        ({"input_ids": [[97, 98]], "labels": [[97]]}, "labels must have the shape"),
        ({"input_ids": [[97, 98]], "labels": [[97, 300]]}, "got 300"),
        ({"input_ids": [[97]], "inputs_embeds": [[0]]}, "inputs_embeds means nothing"),
    ],
)
def test_wrong_inputs_are_refused(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    wrapped = view(ngram_lm(tmp_path))
    with pytest.raises(TokkitError, match=message):
        wrapped(**{name: tensor(value) for name, value in arguments.items()})


def test_other_caches_are_refused(tmp_path: Path) -> None:
    from transformers import DynamicCache

    wrapped = view(ngram_lm(tmp_path))
    ids = tensor([[97], [98]])
    with pytest.raises(ArgumentError, match="got DynamicCache"):
        wrapped(ids, past_key_values=DynamicCache())
    foreign = view(ngram_lm(tmp_path))(ids).past_key_values
    with pytest.raises(ArgumentError, match="past_key_values are of another model"):
        wrapped(ids, past_key_values=foreign)
    cache = wrapped(ids).past_key_values
    with pytest.raises(ArgumentError, match="1 rows and past_key_values 2"):
        wrapped(ids[:1], past_key_values=cache)


def test_a_cache_selects_repeats_and_keeps_rows(tmp_path: Path) -> None:
    lm = ngram_lm(tmp_path)
    rows = [b"the c", b"on th", b"sat o"]
    wrapped = view(lm)
    cache = wrapped(tensor([list(row) for row in rows])).past_key_values
    assert isinstance(cache, ByteCache)
    cache.batch_repeat_interleave(2)
    cache.batch_select_indices(tensor([0, 2, 3, 3]))
    assert cache.batch_size == len(cache) == 4
    chosen = [0, 1, 1, 1]
    nexts = b"abcd"
    logits = wrapped(tensor([[byte] for byte in nexts]), past_key_values=cache).logits[:, 0]
    for row, k, byte in zip(logits, chosen, nexts, strict=True):
        expected = lm.next_byte_logprobs(rows[k] + bytes([byte]))
        np.testing.assert_allclose(row[:BLANK_ID].exp(), np.exp(expected))
    cache.crop(0)
    with pytest.raises(UnsupportedError, match="cannot take back 2"):
        cache.crop(-2)
    with pytest.raises(UnsupportedError, match="cannot be emptied"):
        cache.reset()
