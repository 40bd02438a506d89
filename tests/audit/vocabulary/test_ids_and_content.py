"""What is odd about ids and spellings, on vocabularies small enough to see why."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.audit.vocabulary.reach.test_known_reasons import byte_bpe
from tokkit.audit.finding import Finding
from tokkit.audit.vocabulary.composition import (
    composition_chart,
    kind_of,
    length_chart,
    length_facts,
    longest_table,
)
from tokkit.audit.vocabulary.ids import duplicate_groups, id_findings
from tokkit.audit.vocabulary.merge_uses import (
    NEAR_RANKS,
    NEAR_SHARE,
    listed_merges,
    merge_findings,
    merge_uses,
    uses_of_merges,
)
from tokkit.audit.vocabulary.provenance import provenance_findings, suspicious_tokens
from tokkit.text.spec import MergeTable, TokenKind
from tokkit.text.tokenizer import TextTokenizer


def found_in(tokenizer: TextTokenizer) -> dict[str, Finding]:
    return {finding.rule: finding for finding in id_findings(tokenizer)}


def kinds(tokenizer: TextTokenizer, **changed: TokenKind) -> np.ndarray:
    """The kinds of a tokenizer, some spellings changed."""
    result = tokenizer.spec.kinds.copy()
    for spelling, kind in changed.items():
        result[tokenizer.spec.token_bytes.index(spelling.encode())] = kind
    return result


def test_equal_bytes_are_found_and_byte_fallback_is_not() -> None:
    tokenizer = byte_bpe(b"ab", b"abc")
    spelling = (*tokenizer.spec.token_bytes, b"abc", b"a")
    every = np.append(tokenizer.spec.kinds, [TokenKind.NORMAL, TokenKind.BYTE]).astype(np.uint8)
    twin = byte_bpe(b"ab", b"abc", token_bytes=spelling, kinds=every)
    assert duplicate_groups(twin) == [(257, 258)]
    finding = found_in(twin)["duplicate-token"]
    assert (finding.count, finding.tokens) == (1, (257, 258))
    assert twin.decode(finding.witnesses[0].ids) == finding.witnesses[0].result
    assert not duplicate_groups(tokenizer)


def test_ids_without_a_token_and_renumbered_ones_are_found() -> None:
    tokenizer = byte_bpe(b"ab")
    every = np.append(tokenizer.spec.kinds, TokenKind.UNUSED).astype(np.uint8)
    spelling = (*tokenizer.spec.token_bytes, b"")
    unused = byte_bpe(b"ab", token_bytes=spelling, kinds=every, runtime_ids={256: 300})
    found = found_in(unused)
    assert found["unused-id"].tokens == (257,)
    assert "at 300" in found["renumbered-token"].message
    assert not found_in(tokenizer)


def test_an_added_word_is_cut_out_of_longer_ones() -> None:
    tokenizer = byte_bpe(b"do", b"it")
    added = byte_bpe(b"do", b"it", kinds=kinds(tokenizer, do=TokenKind.LITERAL))
    finding = found_in(added)["added-word"]
    assert finding.tokens == (256,)
    witness = finding.witnesses[0]
    assert tuple(added.encode(witness.data)) == witness.ids


def slow_uses(merges: MergeTable, vocab_size: int) -> tuple[list[bool], list[int]]:
    """`merge_uses`, as it is defined; every token has one merge."""
    order = sorted(range(len(merges)), key=lambda k: int(merges.rank[k]))
    made = {int(merges.result[k]): at for at, k in enumerate(order)}
    parts = {int(merges.result[k]): (int(merges.left[k]), int(merges.right[k])) for k in order}
    intermediate = [False] * vocab_size
    for token in made:
        users = [result for result, pair in parts.items() if token in pair]
        if len(users) == 1:
            room = max(NEAR_SHARE * made[token], NEAR_RANKS)
            intermediate[token] = made[users[0]] - made[token] <= room
    chain = [0] * vocab_size
    for k in order:
        result = int(merges.result[k])
        steps = [chain[part] + 1 for part in parts[result] if intermediate[part]]
        chain[result] = max(steps, default=0)
    return intermediate, chain


@pytest.mark.parametrize("seed", range(20))
def test_uses_of_merges_are_as_defined(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_units, n = 5, 60
    left = [int(rng.integers(0, n_units + k)) for k in range(n)]
    right = [int(rng.integers(0, n_units + k)) for k in range(n)]
    result = np.arange(n_units, n_units + n)
    shuffled = rng.permutation(n)
    columns = (np.array(each, dtype=np.int32)[shuffled] for each in (left, right, result, range(n)))
    merges = MergeTable(*columns)
    uses = merge_uses(merges, n_units + n)
    intermediate, chain = slow_uses(merges, n_units + n)
    assert uses.intermediate.tolist() == intermediate
    assert uses.chain.tolist() == chain


def test_pairs_that_make_nothing_use_no_token() -> None:
    # "el" is merged before "he", so "hel" is made of "h" and "el", although "he" and "l" spell it.
    e, h, last = b"ehl"
    ranks = [0, 1, 2, 2]
    pairs = [(e, last, 256), (h, e, 257), (257, last, 258), (h, 256, 258)]
    for order in ([0, 1, 2, 3], [0, 1, 3, 2]):
        rows = np.array([(*pairs[k], ranks[k]) for k in order], dtype=np.int32)
        uses = uses_of_merges(byte_bpe(b"el", b"he", b"hel", merges=MergeTable(*rows.T)))
        assert uses is not None
        assert np.flatnonzero(uses.intermediate).tolist() == [256]


def test_steps_on_the_way_are_found_and_named() -> None:
    tokenizer = byte_bpe(b"he", b"hel", b"hell", b"hello", b"the")
    assert tokenizer.merges is not None
    uses = merge_uses(tokenizer.merges, tokenizer.vocab_size)
    (finding,) = merge_findings(tokenizer, uses, None)
    assert finding.rule == "intermediate-merge"
    assert [tokenizer.token_bytes(t) for t in finding.tokens] == [b"hel", b"hell"]
    assert uses.chain[tokenizer.spec.token_bytes.index(b"hello")] == 2


def test_merges_listed_in_vain_are_counted(tmp_path: Path) -> None:
    tokenizer = byte_bpe(b"ab")
    assert tokenizer.merges is not None
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {"merges": ["a b", "a b", "a b"]}}))
    found = list(merge_findings(tokenizer, merge_uses(tokenizer.merges, 257), path))
    assert [(finding.rule, finding.count) for finding in found] == [("redundant-merge", 2)]
    path.write_text("[" * 100_000)
    assert listed_merges(path) is None
    assert listed_merges(tmp_path / "other.model") is None


def test_addresses_phrases_and_chains_are_suspicious() -> None:
    copied = "ofthefoxandthedog"
    grown = [word[:size] for word in (b"http", b"we do as we go", copied.encode()) for size in
             range(2, len(word) + 1)]  # fmt: skip
    tokenizer = byte_bpe(*grown)
    assert tokenizer.merges is not None
    found = suspicious_tokens(tokenizer, merge_uses(tokenizer.merges, tokenizer.vocab_size))
    named = {tokenizer.token_bytes(token).decode(): kind for token, kind in found.items()}
    assert named["http"] == "address"
    assert named["we do as we go"] == "phrase"
    assert named[copied] == "repeated"
    assert not {"htt", "we do as we", copied[:11]} & named.keys()
    (finding,) = provenance_findings(tokenizer, found)
    assert finding.count == len(found)
    assert not list(provenance_findings(tokenizer, {}))


def test_every_token_is_of_one_kind() -> None:
    assert kind_of(" мир".encode()) == "Cyrillic"
    assert kind_of("ひらカ".encode()) == "Kana"
    tokenizer = byte_bpe(b"ab", b"  ", b"12")
    chart = composition_chart(tokenizer)
    assert sum(chart.series[0].values) == tokenizer.vocab_size
    counts = dict(zip(chart.labels, chart.series[0].values, strict=True))
    assert counts["part of a character"] == 128
    assert counts["digits"] == 11


def test_the_longest_tokens_come_first() -> None:
    rows = longest_table(byte_bpe(b"ab", b"abc")).rows
    assert [row[1] for row in rows[:2]] == ["abc", "ab"]


def grown(*words: bytes) -> list[bytes]:
    """Every beginning of some words, each once, shortest first."""
    return list(dict.fromkeys(word[:size] for word in words for size in range(2, len(word) + 1)))


def test_every_token_is_of_one_length() -> None:
    tokenizer = byte_bpe(*grown(b"abc", b"x" * 18))
    chart = length_chart(tokenizer)
    counts = dict(zip(chart.labels, chart.series[0].values, strict=True))
    assert counts == {"1": 256, "2": 2, "3": 2, "17-24": 2} | {str(n): 1 for n in range(4, 17)}
    figures = {fact.key: fact.value for fact in length_facts(tokenizer)}
    assert figures == {"mean_token_bytes": round(431 / 275, 2), "longest_token_bytes": 18}


def test_names_in_programs_are_no_addresses() -> None:
    names = (b" XMLHttpRequest", b"HTTPS", b" .NET", b".component")
    addresses = (b" https", b"://", b"linkhttpwww", b".com", b"www.")
    tokenizer = byte_bpe(*grown(*names, *addresses))
    found = {tokenizer.token_bytes(token) for token in suspicious_tokens(tokenizer, None)}
    assert found.issuperset(addresses)
    assert not found.intersection(names)
