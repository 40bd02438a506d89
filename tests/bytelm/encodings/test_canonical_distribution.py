"""Next-byte distributions equal brute force over all canonical cover encodings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bytelm.toy_models import (
    CHARACTERS,
    PRETOKENIZERS,
    SYMBOLS,
    RandomLM,
    bpe_specs,
    character_bpe_specs,
    unigram_specs,
    wordpiece_specs,
)
from tests.reference.canonical_reference import CanonicalOracle, ReferenceEncoder, encode_words
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

SLOW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def check(spec: TokenizerSpec, prefix: bytes, symbols: tuple[bytes, ...]) -> None:
    """Compare with the oracle at every position of a prefix that the model can produce."""
    continuations = tuple(dict.fromkeys((*symbols, *(s for s in spec.token_bytes if len(s) == 1))))
    oracle = CanonicalOracle(spec, ReferenceEncoder(spec), continuations)
    lm = RandomLM(TextTokenizer(spec))
    state = ByteLM(lm).open()
    for k in range(len(prefix) + 1):
        expected = oracle.symbol_masses(lm, prefix[:k])
        if expected.sum() == 0:
            assert state.logprobs().max() == -np.inf
            return
        found = np.exp(state.logprobs())
        assert abs(found - expected / expected.sum()).sum() / 2 < 1e-12
        assert np.exp(state.prefix_logprob) == pytest.approx(expected.sum(), rel=1e-12)
        state.push(prefix[k : k + 1])


def prefixes(symbols: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(symbols), min_size=1, max_size=4).map(b"".join)


@pytest.mark.parametrize("pretokenizer", PRETOKENIZERS)
@SLOW
@given(data=st.data())
def test_byte_bpe_equals_brute_force(pretokenizer: str, data: st.DataObject) -> None:
    spec = data.draw(bpe_specs(PRETOKENIZERS[pretokenizer]))
    check(spec, data.draw(prefixes(SYMBOLS)), SYMBOLS)


@SLOW
@given(spec=character_bpe_specs(), prefix=prefixes((*CHARACTERS, b"\xc3", b"z")))
def test_character_bpe_with_byte_fallback_equals_brute_force(
    spec: TokenizerSpec, prefix: bytes
) -> None:
    check(spec, prefix, (*CHARACTERS, b"\xc3", b"z"))


@SLOW
@given(spec=unigram_specs(), prefix=prefixes((*CHARACTERS, b"\xc3", b"z")))
def test_unigram_equals_brute_force(spec: TokenizerSpec, prefix: bytes) -> None:
    check(spec, prefix, (*CHARACTERS, b"\xc3", b"z"))


@SLOW
@given(spec=wordpiece_specs(), prefix=prefixes((b"a", b"b", b" ")))
def test_wordpiece_equals_brute_force(spec: TokenizerSpec, prefix: bytes) -> None:
    continuations = (b"a", b"b", b" a", b" b")
    oracle = CanonicalOracle(spec, lambda data: encode_words(spec, data), continuations, 3)
    lm = RandomLM(TextTokenizer(spec))
    state = ByteLM(lm).open()
    for k in range(len(prefix) + 1):
        expected = oracle.symbol_masses(lm, b" " + prefix[:k])  # the dummy prefix is a condition
        if expected.sum() == 0:
            assert state.logprobs().max() == -np.inf
            return
        found = np.exp(state.logprobs())
        assert abs(found - expected / expected.sum()).sum() / 2 < 1e-12
        state.push(prefix[k : k + 1])
