"""Batches give the ids of `encode`, in whatever parts and by whatever threads they are made."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tests.text.encoding.test_cuts import LLAMA, drawn
from tests.text.tokenizer_json import BYTE_LEVEL, BYTES, added, document, ours
from tokkit.errors import ArgumentError, EncodingError
from tokkit.text.encoding import batches

TOKENIZER = ours(
    document(BYTES, added("<|end|>", 300, "special"), pretokenizers=(LLAMA, BYTE_LEVEL))
)
TEXTS = ["", "one two", "é<|end|>é", b"\xff \xfe", "x" * 40, " ", "one\ntwo " * 30, "日本"]


@pytest.mark.parametrize("part", [1, 7, 60, 1 << 18])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("specials", [False, True])
def test_a_batch_has_the_ids_of_its_texts(
    monkeypatch: pytest.MonkeyPatch, part: int, threads: int, specials: bool
) -> None:
    monkeypatch.setattr(batches, "PART_BYTES", part)
    expected = [TOKENIZER.encode(text, specials=specials) for text in TEXTS]
    assert TOKENIZER.encode_batch(TEXTS, specials=specials, threads=threads) == expected
    arrays = TOKENIZER.encode_batch_arrays(TEXTS, specials=specials, threads=threads)
    assert [ids.tolist() for ids in arrays] == expected
    assert {ids.dtype for ids in arrays} == {np.dtype(np.int32)}
    assert TOKENIZER.encode_batch([], threads=threads) == []


def test_batches_of_drawn_tokenizers_have_the_ids_of_their_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "PART_BYTES", 40)
    for tokenizer, texts in drawn(7, 8):
        if tokenizer.spec.unk_id is None:
            continue
        expected = [tokenizer.encode(text, unk="use") for text in texts]
        assert tokenizer.encode_batch(texts, unk="use", threads=2) == expected


def test_the_parts_of_a_long_text_are_encoded_by_several_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "PART_BYTES", 16)
    tokenizer = ours(document(BYTES, pretokenizers=(LLAMA, BYTE_LEVEL)))
    text = "some words " * 40
    expected = tokenizer.encode(text)
    seen: set[int] = set()
    both = threading.Barrier(2)
    encode = tokenizer.model.encode_ids

    def waiting(text: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            both.wait(timeout=60)  # neither goes on before the other has come
        return encode(text, bounds)

    monkeypatch.setattr(tokenizer.model, "encode_ids", waiting)
    assert tokenizer.encode_batch([text], threads=2) == [expected]
    assert len(seen) >= 2


def test_an_error_says_where_in_its_text_it_is() -> None:
    vocab = {"a": 0, "b": 1}
    tokenizer = ours(document(vocab, added("<x>", 2)))
    with pytest.raises(EncodingError) as alone:
        tokenizer.encode("abc")
    with pytest.raises(EncodingError) as together:
        tokenizer.encode_batch(["ab", "b", "abc", "d"], threads=2)
    assert str(together.value) == str(alone.value)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_threads_are_a_number(threads: object) -> None:
    with pytest.raises(ArgumentError, match="threads"):
        TOKENIZER.encode_batch(["a"], threads=threads)  # pyright: ignore[reportArgumentType]
