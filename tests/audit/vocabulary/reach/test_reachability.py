"""Verdicts on tokens against all short texts: what is produced is never called unreachable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.vocabulary.normalized_specs import LETTERS, NORMALIZERS, normalized_specs
from tests.bytelm import toy_models
from tests.text import bpe_strategies
from tokkit.audit.vocabulary.reach.reachability import ReachabilityJudge, Status, Verdict
from tokkit.errors import EncodingError
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

MAX_TEXTS = 400
REACHED = (Status.REACHABLE, Status.CONTEXT_ONLY)
BYTE_LETTERS = "aS \n'1é"
SENTENCEPIECE_LETTERS = "ab éz"


def short_texts(letters: str) -> Iterator[str]:
    """All texts over some letters, shortest first, as long as all of a length fit the limit."""
    size, total = 1, len(letters)
    while total <= MAX_TEXTS:
        yield from map("".join, product(letters, repeat=size))
        size += 1
        total += len(letters) ** size


def produced(tokenizer: TextTokenizer, texts: Sequence[str]) -> dict[int, str]:
    """Every token that one of the texts produces, with that text."""
    found: dict[int, str] = {}
    for text in texts:
        try:
            ids = tokenizer.encode(text)
        except EncodingError:
            continue
        for token in ids:
            found.setdefault(token, text)
    return found


def check(spec: TokenizerSpec, letters: str, longer: Sequence[str]) -> list[Verdict]:
    """Judge all tokens, and hold the verdicts against what texts produce."""
    tokenizer = TextTokenizer(spec)
    verdicts = ReachabilityJudge(tokenizer).judge_all()
    for token, text in produced(tokenizer, [*short_texts(letters), *longer]).items():
        status = verdicts[token].status
        # Where most characters have no token at all, the search may run out of tries.
        assert status in (*REACHED, Status.UNDETERMINED), (token, text, verdicts[token])
    for token, verdict in enumerate(verdicts):
        assert (verdict.witness is not None) == (verdict.status in REACHED)
        assert (verdict.reason is not None) == (verdict.status == Status.UNREACHABLE)
        if verdict.witness is not None:
            verdict.witness.decode()
            ids = tokenizer.encode(verdict.witness)
            assert token in ids
            own = ids == [token]
            assert verdict.status == (Status.REACHABLE if own else Status.CONTEXT_ONLY)
    return verdicts


def longer_texts(letters: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.text(letters, min_size=4, max_size=12), max_size=12)


@pytest.mark.parametrize("pretokenizer", sorted(toy_models.PRETOKENIZERS))
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_byte_bpe_under_every_pretokenizer(pretokenizer: str, data: st.DataObject) -> None:
    spec = data.draw(toy_models.bpe_specs(toy_models.PRETOKENIZERS[pretokenizer]))
    check(spec, BYTE_LETTERS, data.draw(longer_texts(BYTE_LETTERS)))


@given(bpe_strategies.bpe_specs(literals=True), longer_texts("abc"))
@settings(max_examples=20, deadline=None)
def test_improper_merges_with_literals(spec: TokenizerSpec, longer: list[str]) -> None:
    check(spec, "abc", longer)


@given(bpe_strategies.bpe_specs(char_units=True, literals=True), longer_texts("abé日z"))
@settings(max_examples=15, deadline=None)
def test_character_bpe_with_byte_fallback(spec: TokenizerSpec, longer: list[str]) -> None:
    check(spec, "abé日z", longer)


@given(toy_models.character_bpe_specs(), longer_texts(SENTENCEPIECE_LETTERS))
@settings(max_examples=15, deadline=None)
def test_sentencepiece_bpe(spec: TokenizerSpec, longer: list[str]) -> None:
    check(spec, SENTENCEPIECE_LETTERS, longer)


@given(toy_models.unigram_specs(), longer_texts(SENTENCEPIECE_LETTERS))
@settings(max_examples=15, deadline=None)
def test_unigram(spec: TokenizerSpec, longer: list[str]) -> None:
    check(spec, SENTENCEPIECE_LETTERS, longer)


@given(toy_models.wordpiece_specs(), longer_texts("ab "))
@settings(max_examples=15, deadline=None)
def test_wordpiece(spec: TokenizerSpec, longer: list[str]) -> None:
    check(spec, "ab ", longer)


@given(st.lists(st.sampled_from([TokenKind.NORMAL, TokenKind.BYTE]), min_size=256, max_size=256))
@settings(max_examples=5, deadline=None)
def test_plain_bytes_of_either_kind(kinds: list[TokenKind]) -> None:
    spec = TokenizerSpec(
        name="bytes",
        family="bytes",
        token_bytes=tuple(bytes([value]) for value in range(256)),
        kinds=np.array(kinds, dtype=np.uint8),
    )
    verdicts = check(spec, "aé日", [])
    unreachable = [t for t, verdict in enumerate(verdicts) if verdict.status not in REACHED]
    assert unreachable == [0xC0, 0xC1, *range(0xF5, 0x100)]


@pytest.mark.parametrize("normalizer", sorted(NORMALIZERS))
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_normalisers(normalizer: str, data: st.DataObject) -> None:
    spec = data.draw(normalized_specs(normalizer))
    verdicts = check(spec, LETTERS, data.draw(longer_texts(LETTERS)))
    if normalizer == "none":  # all bytes are there, so that a text or a proof can be found
        assert not any(verdict.status == Status.UNDETERMINED for verdict in verdicts)
