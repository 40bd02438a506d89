"""The tokenizer of the view: ids are bytes, and text is only text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import AutoTokenizer

from tokkit.errors import ArgumentError
from tokkit.hf import BLANK_ID, END_ID, ByteLevelTokenizer
from tokkit.hf.tokenization import BLANK_TOKEN, END_TOKEN

TOKENIZER = ByteLevelTokenizer()
any_text = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [f"a{END_TOKEN}b", BLANK_TOKEN, " <s> ", " n't . ", "\x00\x85"]
)


@given(text=any_text)
@settings(deadline=None)
def test_ids_are_the_bytes_after_a_blank(text: str) -> None:
    ids = TOKENIZER(text)["input_ids"]
    assert ids == [BLANK_ID, *text.encode()] == TOKENIZER.encode_bytes(text)
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == text
    assert TOKENIZER.decode_bytes(ids) == text.encode()
    assert TOKENIZER.tokenize(text) == list(text.encode().decode("latin-1"))


@given(data=st.binary())
@settings(deadline=None)
def test_what_is_not_utf8_is_replaced(data: bytes) -> None:
    ids = [*data, END_ID, BLANK_ID]
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == data.decode(errors="replace")
    assert TOKENIZER.decode_bytes(ids) == data


def test_batches_are_padded_on_the_left() -> None:
    batch = TOKENIZER(["abc", "", "é"], padding=True)
    b = BLANK_ID
    assert batch["input_ids"] == [[b, 97, 98, 99], [b] * 4, [b, b, 195, 169]]
    assert batch["attention_mask"] == [[1, 1, 1, 1], [0, 0, 0, 1], [0, 1, 1, 1]]


def test_long_texts_lose_their_beginning() -> None:
    assert TOKENIZER("abcdef", truncation=True, max_length=3)["input_ids"] == [BLANK_ID, *b"ef"]


def test_special_symbols_are_where_the_model_has_them() -> None:
    assert len(TOKENIZER) == BLANK_ID + 1
    assert sorted(TOKENIZER.get_vocab().values()) == list(range(BLANK_ID + 1))
    ids = TOKENIZER.eos_token_id, TOKENIZER.bos_token_id, TOKENIZER.pad_token_id
    assert ids == (END_ID, BLANK_ID, BLANK_ID)
    assert TOKENIZER.get_special_tokens_mask([97, 98]) == [1, 0, 0]
    assert TOKENIZER.decode([97, END_ID]) == f"a{END_TOKEN}"


def test_pairs_have_a_blank_before_each() -> None:
    assert TOKENIZER("a", "b")["input_ids"] == [BLANK_ID, 97, BLANK_ID, 98]


def test_saved_tokenizer_is_the_same(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("vocab*"))
    loaded = ByteLevelTokenizer.from_pretrained(tmp_path)
    text = f"été {END_TOKEN}"
    assert loaded(text)["input_ids"] == TOKENIZER(text)["input_ids"]
    auto = AutoTokenizer.from_pretrained(tmp_path, config=None)
    assert isinstance(auto, ByteLevelTokenizer)


@pytest.mark.parametrize("ids", [[258], [-1]])
def test_ids_outside_are_refused(ids: list[int]) -> None:
    with pytest.raises(ArgumentError, match="between 0 and 257"):
        TOKENIZER.decode_bytes(ids)
    with pytest.raises(ArgumentError, match="between 0 and 257"):
        TOKENIZER.decode(ids)


def test_what_is_no_token_is_refused() -> None:
    with pytest.raises(ArgumentError, match="is no token"):
        TOKENIZER.convert_tokens_to_ids(["the"])
    with pytest.raises(ArgumentError, match="lone surrogate"):
        TOKENIZER("\ud800")
