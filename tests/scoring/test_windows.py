"""Windows of a text in parts are those of the text as a whole, and so are its tokens."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tokenizers", reason="trains the toy tokenizer")

from tests.hf.toy_views import TEXT, ngram_lm
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.windows import cut_windows
from tokkit.scoring.tokenization import Tokenization
from tokkit.scoring.windows import AROUND, stream_windows


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> ByteLM:
    return ngram_lm(tmp_path_factory.mktemp("toy"))


def parts_of(text: bytes, sizes: list[int]) -> list[bytes]:
    ends = np.minimum(np.cumsum([0, *sizes, len(text)]), len(text)).tolist()
    return [text[a:b] for a, b in pairwise(ends)]


@given(
    st.text("aé😀 ", max_size=900).map(str.encode),
    st.lists(st.integers(0, 400), max_size=5),
    st.integers(2, 300),
    st.data(),
)
def test_windows_of_parts_are_those_of_the_whole(
    text: bytes, sizes: list[int], window: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, window))
    if len(text) / stride > 200:
        stride = window
    found = list(stream_windows(parts_of(text, sizes), window, stride))
    expected = list(cut_windows(text, window, stride))
    assert [(w.offset - len(w.context), w.offset, w.end) for w in found] == expected
    for w in found:
        start = w.offset - len(w.context)
        assert w.before == text[max(0, start - AROUND) : start]
        assert w.context + w.data == text[start : w.end]
        assert w.after == text[w.end : w.end + AROUND]


@pytest.mark.parametrize(("window", "stride"), [(16, 5), (40, 40), (1000, 500)])
def test_tokens_in_windows_are_those_of_the_whole(lm: ByteLM, window: int, stride: int) -> None:
    text = (TEXT * 6).encode()
    tokens = Tokenization()
    for part in stream_windows([text], window, stride):
        tokens.add(lm, part)
    assert tokens.logprob == pytest.approx(lm.token_logprob(text, window=window, stride=stride))


def test_a_token_longer_than_what_is_seen_is_not_guessed(tmp_path: Path) -> None:
    lm = ngram_lm(tmp_path)
    tokens = Tokenization(0.0, end=1)  # as if a token had ended where none does
    first, second, *_ = stream_windows([(TEXT * 6).encode()], 40, 20)
    tokens.add(lm, first)
    tokens.end += 1
    tokens.add(lm, second)
    assert tokens.logprob is None
