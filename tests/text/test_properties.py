"""A text tokenizer answers what is asked of tokenizers of any modality."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.text.tokenizer_json import (
    BYTE_LEVEL,
    BYTES,
    CHARS,
    MARK_SPACES,
    PREPEND,
    added,
    document,
    metaspace,
    ours,
)
from tokkit.dynamic import DynamicTokenizer
from tokkit.errors import ArgumentError
from tokkit.text.tokenizer import TextTokenizer
from tokkit.tokenizer.entropy_coding import read_ids, write_ids

BPE = ours(document({**BYTES, "ab": 256}, pretokenizers=(BYTE_LEVEL,), merges=[["a", "b"]]))
MANY = [
    BPE,
    ours(document(BYTES, added("<x>", 256), pretokenizers=(BYTE_LEVEL,))),
    ours(document(BYTES, added("<x>", 256, "lstrip"), pretokenizers=(BYTE_LEVEL,))),
    ours(document(BYTES, normalizers=({"type": "Lowercase"},), pretokenizers=(BYTE_LEVEL,))),
    ours(document(BYTES, pretokenizers=({"type": "Whitespace"}, BYTE_LEVEL))),
    ours(document(CHARS, normalizers=(PREPEND, MARK_SPACES))),
    ours(document(CHARS, pretokenizers=(metaspace("first"),))),
]
LOSSLESS = [tokenizer.lossless for tokenizer in MANY]


def test_lossless_is_said_of_some_and_not_of_those_that_lose() -> None:
    assert LOSSLESS[:2] == [True, True]
    assert not any(LOSSLESS[2:5])


def test_what_says_lossless_gives_back_every_text() -> None:
    random = np.random.default_rng(0)
    parts = ["a", "b", " ", "<x>", "▁", "A", "ß", "\n"]
    for _ in range(20):
        text = "".join(random.choice(parts, 6)).encode()
        for tokenizer, lossless in zip(MANY, LOSSLESS, strict=True):
            if lossless:
                assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("tokenizer", [BPE, DynamicTokenizer(BPE, None)])
def test_text_answers_what_is_asked_of_any_tokenizer(tokenizer: Any) -> None:
    assert tokenizer.vocab_sizes == (tokenizer.vocab_size,) == (257,)
    assert (tokenizer.streams, tokenizer.prefix_axis, tokenizer.modality) == (1, "none", "text")
    assert tokenizer.deterministic and not tokenizer.needs_context and not tokenizer.streaming
    assert tokenizer.lossless
    text = "abba cab"
    ids = tokenizer.encode(text)
    assert isinstance(ids, list)
    rate = tokenizer.rate(ids)
    assert rate.n_units == len(text)
    assert rate.nominal_bits == pytest.approx(len(ids) * np.log2(257))
    data = write_ids(ids, tokenizer.vocab_sizes)
    assert rate.coded_bytes == len(data)
    assert tokenizer.decode(read_ids(data, tokenizer.vocab_sizes)) == text.encode()
    assert tokenizer.soft_assign(text).argmax(-1).tolist() == ids


@pytest.mark.parametrize("tokenizer", [BPE, DynamicTokenizer(BPE, None)])
def test_text_refuses_what_does_not_apply(tokenizer: Any) -> None:
    for use in (
        lambda: tokenizer.encode("a", budget=3),
        lambda: tokenizer.truncate([1, 2], 1),
    ):
        with pytest.raises(ArgumentError, match="budget"):
            use()
    with pytest.raises(ArgumentError, match="context"):
        tokenizer.encode("a", context=np.zeros((2, 0), np.int64))
    with pytest.raises(ArgumentError, match="seed"):
        tokenizer.decode([1], seed=0)
    assert tokenizer.sample_rate is None


def test_a_fingerprint_tells_tokenizers_apart_and_not_their_names() -> None:
    renamed = TextTokenizer(replace(BPE.spec, name="another"))
    assert renamed.fingerprint == BPE.fingerprint
    assert len({tokenizer.fingerprint for tokenizer in MANY}) == len(MANY)
    dynamic = DynamicTokenizer(BPE, None)
    before = dynamic.fingerprint
    dynamic.encode("xyz xyz xyz")
    assert dynamic.fingerprint != before
