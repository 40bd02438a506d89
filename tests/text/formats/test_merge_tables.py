"""Merge tables and the byte alphabet: what the readers build from listed and ranked merges."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.text.formats.byte_alphabet import bytes_of, text_of
from tokkit.text.formats.merge_tables import drop_idle_merges, listed_merges, merges_by_rank


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=64))
def test_the_byte_alphabet_is_a_bijection(data):
    assert bytes_of(text_of(data)) == data


@pytest.mark.parametrize("text", [" ", "日", "a b", "\n", "\xad", "\uffff"])
def test_text_outside_the_byte_alphabet_spells_no_bytes(text):
    assert bytes_of(text) is None


def encode_pairs(table, ids):
    """Slow, obvious BPE over a merge table."""
    ranks = {
        (int(a), int(b)): (int(k), int(c))
        for a, b, c, k in zip(table.left, table.right, table.result, table.rank, strict=True)
    }
    ids = list(ids)
    while True:
        found = [(ranks[p][0], i) for i, p in enumerate(pairwise(ids))
                 if p in ranks]  # fmt: skip
        if not found:
            return ids
        _, i = min(found)
        ids[i : i + 2] = [ranks[ids[i], ids[i + 1]][1]]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_dropping_idle_merges_changes_no_encoding(data):
    words = {"a": 0, "b": 1, "c": 2}
    pairs = []
    for _ in range(data.draw(st.integers(1, 14))):
        left, right = (
            data.draw(st.sampled_from(sorted(words))),
            data.draw(st.sampled_from(sorted(words))),
        )
        words.setdefault(left + right, len(words))
        pairs.append((left, right))
    pairs += data.draw(st.lists(st.sampled_from(pairs), max_size=3))
    # Published files list every way to cut a token; add some.
    for word in list(words):
        for cut in range(1, len(word)):
            if word[:cut] in words and word[cut:] in words and data.draw(st.booleans()):
                pairs.append((word[:cut], word[cut:]))
    table = listed_merges(pairs, words, "test")
    units = {i: [words[char] for char in word] for word, i in words.items()}
    small = drop_idle_merges(table, units)
    results, counts = np.unique(small.result, return_counts=True)
    assert counts.max() == 1
    assert set(results) == set(table.result)
    for _ in range(10):
        text = data.draw(st.text("abc", max_size=24))
        ids = [words[char] for char in text]
        assert encode_pairs(small, ids) == encode_pairs(table, ids)


def test_of_two_equal_merges_the_later_one_counts():
    ids = {text: i for i, text in enumerate(["a", "b", "c", "ab", "bc"])}
    table = listed_merges([("a", "b"), ("b", "c"), ("a", "b")], ids, "test")
    assert table.result.tolist() == [ids["bc"], ids["ab"]]
    assert table.rank.tolist() == [1, 2]


def test_ranked_merges_list_every_cut_and_share_the_rank_of_their_result():
    ranks = {b"a": 0, b"b": 1, b"ab": 2, b"ba": 3, b"aba": 4}
    table = merges_by_rank(ranks)
    entries = set(zip(table.left.tolist(), table.right.tolist(), table.result.tolist(),
                      strict=True))  # fmt: skip
    assert entries == {(0, 1, 2), (1, 0, 3), (2, 0, 4), (0, 3, 4)}
    assert (table.rank == table.result).all()
