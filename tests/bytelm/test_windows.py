"""Windows cover a text once, and a text that is too long is seen before any work."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tokenizers", reason="trains the toy tokenizer")

from tests.hf.toy_views import TEXT, ngram_lm
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.windows import cut_windows
from tokkit.errors import ArgumentError, ModelError

DATA = TEXT.encode()


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> ByteLM:
    return ngram_lm(tmp_path_factory.mktemp("lm"))


class LimitedLM:
    """An n-gram model that reads so many tokens, and counts what it is asked."""

    def __init__(self, lm: ByteLM, max_context: int) -> None:
        self._lm: Any = lm.token_lm
        self.tokenizer = self._lm.tokenizer
        self.eos_ids = self._lm.eos_ids
        self.max_context = max_context
        self.n_asked = 0

    def next_token_logprobs(self, contexts: Any) -> Any:
        self.n_asked += len(contexts)
        if max(map(len, contexts), default=0) > self.max_context:
            raise ModelError("asked for too much")
        return self._lm.next_token_logprobs(contexts)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_windows_score_each_byte_once_and_show_no_more_than_a_window(data: st.DataObject) -> None:
    text = data.draw(st.text("aé☃😀", max_size=30)).encode()
    prefix = data.draw(st.text("aé☃", max_size=12)).encode()
    window = data.draw(st.integers(2, 50))
    stride = data.draw(st.none() | st.integers(1, window))
    windows = list(cut_windows(text, window, stride, prefix=prefix))
    whole = prefix + text
    assert windows[0][1] == len(prefix)
    assert windows[-1][2] == len(whole)
    assert all(one[2] == two[1] for one, two in pairwise(windows))
    for context, start, stop in windows:
        assert 0 <= context <= start <= stop
        assert stop - context <= window
        assert stop > start or not text
    step = window // 2 if stride is None else stride
    for context, start, stop in windows[1:]:
        assert stop - start <= step
        assert start - context >= window - step - 3  # less the rest of a character
        if context < start:
            assert whole[context] & 0xC0 != 0x80


def test_one_window_is_the_whole_text(lm: ByteLM) -> None:
    assert lm.logprob(DATA, window=len(DATA)) == lm.logprob(DATA)
    assert lm.token_logprob(DATA, window=len(DATA)) == pytest.approx(lm.token_logprob(DATA))
    assert lm.logprob(b"", window=9) == 0.0


def test_windows_sum_what_each_adds(lm: ByteLM) -> None:
    found = lm.logprob(DATA[30:100], prefix=DATA[:30], end=True, window=40, stride=15)
    expected = lm.logprob(DATA[30:40], prefix=DATA[:30])
    for start in range(40, 100, 15):
        stop = min(start + 15, 100)
        expected += lm.logprob(DATA[start:stop], prefix=DATA[start - 25 : start], end=stop == 100)
    assert found == pytest.approx(expected)
    pair = ByteEnsemble([lm, lm])
    assert pair.logprob(DATA, window=64) == pytest.approx(lm.logprob(DATA, window=64))
    assert lm.bits_per_byte(DATA, window=64) == pytest.approx(
        -lm.logprob(DATA, window=64) / len(DATA) / np.log(2)
    )


def test_each_token_is_scored_in_the_window_in_which_it_begins(lm: ByteLM) -> None:
    tokenizer = lm.token_lm.tokenizer
    encoding = tokenizer.encode_with_offsets(DATA, normalize=False)
    ids, begins = encoding.ids.tolist(), encoding.starts.tolist()
    expected = 0.0
    for context, start, stop in cut_windows(DATA, 50, 20):
        given = [ids[k] for k in range(len(ids)) if context <= begins[k] < start]
        for token in [ids[k] for k in range(len(ids)) if start <= begins[k] < stop]:
            expected += float(lm.token_lm.next_token_logprobs([given])[0][token])
            given.append(token)
    assert lm.token_logprob(DATA, window=50, stride=20) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"window": 1}, "window"),
        ({"stride": 3}, "no window"),
        ({"window": 8, "stride": 9}, "stride"),
        ({"window": 8, "stride": 0}, "stride"),
    ],
)
def test_windows_out_of_range_are_refused(lm: ByteLM, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        lm.logprob(DATA, **options)
    with pytest.raises(ArgumentError, match=told):
        lm.token_logprob(DATA, **options)


@pytest.mark.parametrize("encodings", ["canonical", "all"])
def test_a_text_that_is_too_long_is_refused_before_any_work(lm: ByteLM, encodings: Any) -> None:
    n_tokens = len(lm.token_lm.tokenizer.encode(DATA))
    enough = LimitedLM(lm, n_tokens if encodings == "canonical" else len(DATA))
    assert np.isfinite(ByteLM(enough, encodings=encodings).logprob(DATA))
    for limit in (n_tokens - 1, n_tokens // 2, 3):
        limited = LimitedLM(lm, limit)
        model = ByteLM(limited, encodings=encodings)
        for ask in (
            model.logprob,
            model.byte_logprobs,
            model.open,
            model.next_byte_logprobs,
            model.bits_per_byte,
            lambda data, model=model: model.generate(data, max_bytes=1),
        ):
            with pytest.raises(ModelError, match=r"tokens, more than the .* reads; .*window="):
                ask(DATA)
        assert not limited.n_asked
    assert np.isfinite(ByteLM(LimitedLM(lm, 30), encodings=encodings).logprob(DATA, window=30))


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_window_that_is_proposed_may_be_asked_for(lm: ByteLM, limit: int) -> None:
    limited = ByteLM(LimitedLM(lm, limit))
    with pytest.raises(ModelError, match=f"more than the {limit} ") as caught:
        limited.logprob(DATA)
    proposed = re.search(r"window=(\d+) bytes", str(caught.value))
    assert (proposed is not None) == (limit == 2)
    assert proposed is None or np.isfinite(limited.logprob(DATA, window=int(proposed[1])))


def test_so_is_its_tokenization(lm: ByteLM) -> None:
    n_tokens = len(lm.token_lm.tokenizer.encode(DATA))
    limited = LimitedLM(lm, n_tokens - 2)
    with pytest.raises(ModelError, match="more than the"):
        ByteLM(limited).token_logprob(DATA)
    assert not limited.n_asked
    exact = lm.token_logprob(DATA)
    assert ByteLM(LimitedLM(lm, n_tokens - 1)).token_logprob(DATA) == pytest.approx(exact)


def test_megabytes_are_refused_without_counting_them(lm: ByteLM) -> None:
    limited = LimitedLM(lm, 100)
    model = ByteLM(limited)

    def count(*_: Any, **__: Any) -> int:
        raise AssertionError("counted")

    limited.tokenizer.count, counting = count, limited.tokenizer.count
    try:
        with pytest.raises(ModelError, match=r"at least [\d,]+ tokens"):
            model.logprob(DATA * 5_000)
    finally:
        limited.tokenizer.count = counting
