"""Reasons for which tokens are unreachable, on vocabularies small enough to see why."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.audit.test_codebook import HalvingQuantizer
from tests.bytelm.toy_models import PRETOKENIZERS
from tokkit.audit.subject import Subject
from tokkit.audit.vocabulary import examine
from tokkit.audit.vocabulary.demonstration import demonstration
from tokkit.audit.vocabulary.reach.reachability import ReachabilityJudge, Reason, Status
from tokkit.errors import ArgumentError
from tokkit.text.normalizers import library_normalizer
from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer


def byte_bpe(*spellings: bytes, **options) -> TextTokenizer:
    """All bytes, and `spellings` with ids from 256, each merged from its longest known prefix."""
    tokens = [bytes([value]) for value in range(256)]
    rows: list[tuple[int, int, int]] = []
    for spelling in spellings:
        size = max(k for k in range(1, len(spelling)) if spelling[:k] in tokens)
        rows.append((tokens.index(spelling[:size]), tokens.index(spelling[size:]), len(tokens)))
        tokens.append(spelling)
    columns = np.array(rows, dtype=np.int32).reshape(-1, 3).T
    ranks = np.arange(len(rows), dtype=np.int32)
    spec = TokenizerSpec(
        name="toy",
        family="bpe",
        token_bytes=tuple(tokens),
        kinds=np.full(len(tokens), TokenKind.NORMAL, dtype=np.uint8),
        merges=MergeTable(columns[0], columns[1], columns[2], ranks),
    )
    return TextTokenizer(dataclasses.replace(spec, **options))


def verdict(tokenizer: TextTokenizer, token: int):
    return ReachabilityJudge(tokenizer).judge(token)


def test_a_token_that_the_pretokenizer_cuts_is_unreachable():
    tokenizer = byte_bpe(b"a1", b"ab", splits=PRETOKENIZERS["gpt2"])
    assert verdict(tokenizer, 256).reason == Reason.PRETOKENIZER
    assert verdict(tokenizer, 257).status == Status.REACHABLE


def test_two_newlines_are_reachable_though_a_letter_after_them_parts_them():
    assert verdict(byte_bpe(b"\n\n", splits=PRETOKENIZERS["gpt2"]), 256).witness == b"\n\n"


def test_a_decomposed_letter_is_unreachable_under_nfc_only():
    spelling = "e\u0301".encode()
    mark = spelling[1:]
    assert verdict(byte_bpe(mark, spelling), 257).status == Status.REACHABLE
    composed = byte_bpe(mark, spelling, normalizer=library_normalizer("NFC"))
    assert verdict(composed, 257).reason == Reason.NORMALIZER
    assert verdict(composed, 256).status == Status.REACHABLE  # the mark after a "q", say


def test_capitals_are_unreachable_under_lowercase():
    assert verdict(byte_bpe(b"AB", normalizer=library_normalizer("Lowercase")), 256).reason == (
        Reason.NORMALIZER
    )


def test_a_token_whose_bytes_an_earlier_merge_takes_apart_is_unreachable():
    # "bc" is merged first, so "ab" never stands before a "c": but "abc" asks for "ab" + "c".
    tokenizer = byte_bpe(b"bc", b"ab", b"abc")
    assert verdict(tokenizer, 257).status == Status.REACHABLE
    assert verdict(tokenizer, 258).reason == Reason.MERGES
    whole = byte_bpe(b"bc", b"ab", b"abc", ignore_merges=True)
    assert verdict(whole, 258).status == Status.REACHABLE


def test_bytes_in_no_text_and_parts_of_characters_are_told_apart():
    tokenizer = byte_bpe("é".encode())
    unreachable = [t for t in range(256) if verdict(tokenizer, t).status == Status.UNREACHABLE]
    assert unreachable == [0xC0, 0xC1, *range(0xF5, 0x100)]
    assert verdict(tokenizer, 0xA9).status == Status.CONTEXT_ONLY


def test_control_tokens_and_holes_are_neither_reachable_nor_not():
    tokenizer = byte_bpe(b"ab", b"cd", b"ef")
    spelling = (*tokenizer.spec.token_bytes[:257], b"", b"")
    kinds = tokenizer.spec.kinds.copy()
    kinds[257:] = TokenKind.SPECIAL, TokenKind.UNUSED
    merges = tokenizer.spec.merges
    assert merges is not None
    first = MergeTable(merges.left[:1], merges.right[:1], merges.result[:1], merges.rank[:1])
    spec = dataclasses.replace(
        tokenizer.spec, token_bytes=spelling, kinds=kinds, merges=first, special_tokens={"<e>": 257}
    )
    verdicts = ReachabilityJudge(TextTokenizer(spec)).judge_all()
    assert [v.status for v in verdicts[256:]] == [Status.REACHABLE, Status.SPECIAL, Status.UNUSED]


@pytest.mark.parametrize("normalizer", ["NFC", "NFKC"])
def test_what_shows_an_unreachable_token_never_gives_that_token(normalizer: str):
    # The first two bytes of U+F980, which is normalised to another character, as are all others
    # of U+F980 to U+F9BF.
    tokenizer = byte_bpe(b"\xef\xa6", "é".encode(), normalizer=library_normalizer(normalizer))
    assert verdict(tokenizer, 256).reason == Reason.NORMALIZER
    witness = demonstration(tokenizer, 256)
    assert witness is not None
    assert witness.action == "normalize"
    assert witness.result == tokenizer.normalize(witness.data) != witness.data
    assert "no EF A6" in witness.note


def test_the_section_counts_what_the_verdicts_say():
    tokenizer = byte_bpe(b"a1", b"ab", splits=PRETOKENIZERS["gpt2"])
    part = examine(Subject(tokenizer))
    facts = {fact.key: fact.value for fact in part.section.facts}
    assert part.tokens is not None
    assert facts["unreachable_tokens"] == part.tokens.status.count("unreachable") == 14
    assert facts["context_only_tokens"] == part.tokens.status.count("context-only")
    assert "14 tokens of 258" in part.section.summary
    assert "13 of them because of UTF-8" in part.section.summary
    found = {finding.rule: finding for finding in part.findings}
    assert found["unreachable-pretokenizer"].tokens == (256,)
    assert found["partial-character"].count == 128 - 13
    assert found["partial-character"].message.endswith("inside a character, all one byte.")
    assert not any("\\\\" in finding.message for finding in part.findings)


def test_only_text_has_a_vocabulary_to_examine():
    with pytest.raises(ArgumentError, match="text tokenizers only"):
        examine(Subject(HalvingQuantizer()))
