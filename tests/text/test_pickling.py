"""A tokenizer that was pickled or copied, as data loaders do it, is the same tokenizer."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tokenizers")
import tokkit
from tests.bytelm import toy_models
from tests.text.format_samples import SAMPLES
from tests.text.formats.test_rwkv import greedy
from tests.text.formats.test_tokkit_file import NORMALIZERS, SPEC, assert_equal_specs
from tests.text.segment_models import test_word_bpe
from tokkit.text.spec import Family, Normalizer, TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FAMILIES: dict[Family, st.SearchStrategy[TokenizerSpec]] = {
    "bpe": toy_models.bpe_specs(toy_models.PRETOKENIZERS["gpt2"]),
    "unigram": toy_models.unigram_specs(),
    "wordpiece": toy_models.wordpiece_specs(),
    "word_bpe": test_word_bpe.specs(),
    "words": st.just(dataclasses.replace(greedy([b"a", b" b", b"ab"]).spec, family="words")),
    "greedy": st.just(greedy([b"a", b"ab", b"c"]).spec),
    "bytes": st.just(SPEC),
}


def twins(tokenizer: TextTokenizer) -> list[TextTokenizer]:
    assert tokenizer.is_canonical([])  # so that what it has cached is not in the way
    unpickled = pickle.loads(pickle.dumps(tokenizer))  # noqa: S301  # bytes of our own
    return [unpickled, copy.deepcopy(tokenizer), copy.copy(tokenizer)]


def outcome(tokenizer: TextTokenizer, text: str | bytes) -> Any:
    try:
        return tokenizer.encode(text)
    except tokkit.TokkitError as error:
        return str(error)


@pytest.mark.parametrize("family", get_args(Family))
def test_every_family_encodes_alike_after_the_round_trip(family: Family) -> None:
    @settings(max_examples=10, deadline=None)
    @given(FAMILIES[family], st.data())
    def check(spec: TokenizerSpec, data: st.DataObject) -> None:
        tokenizer = TextTokenizer(spec)
        tokens = st.sampled_from([token for token in spec.token_bytes if token])
        text = b"".join(data.draw(st.lists(tokens, max_size=20)))
        for twin in twins(tokenizer):
            assert_equal_specs(twin.spec, spec)
            assert outcome(twin, text) == outcome(tokenizer, text)

    check()


@pytest.mark.parametrize("normalizer", NORMALIZERS, ids=lambda normalizer: normalizer.name)
def test_every_normalizer_comes_along(normalizer: Normalizer) -> None:
    tokenizer = TextTokenizer(dataclasses.replace(SPEC, normalizer=normalizer))
    for twin in twins(tokenizer):
        for text in [*SAMPLES, "ﬁne Ａé e\u0301 `` É"]:
            assert twin.encode(text) == tokenizer.encode(text)
