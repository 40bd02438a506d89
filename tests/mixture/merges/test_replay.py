"""Replayed counts equal those of the definition, and counts do not depend on the shards."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.mixture_reference import Pair, Word, replay
from tests.text.bpe_strategies import bpe_specs, pieces
from tokkit.mixture.merges.merge_list import MergeList, merge_list, shared_beginning
from tokkit.mixture.merges.replay import Replay
from tokkit.mixture.samples.word_counts import (
    EMPTY,
    WordCounts,
    add_counts,
    count_words,
    make_table,
)
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FEW = settings(max_examples=60, deadline=None, derandomize=True)


def counts_of(words: list[bytes]) -> WordCounts:
    starts = np.cumsum([0, *(len(word) for word in words)]).astype(np.int64)
    text = np.frombuffer(b"".join(words), dtype=np.uint8)
    return count_words(text, starts, n_bytes=len(text))


def symbols(merges: MergeList, word: bytes) -> Word:
    text = np.frombuffer(word, dtype=np.uint8)
    return tuple(merges.symbols_of(text, np.array([0, len(word)]))[0].tolist())


def words_of(merges: MergeList, categories: list[list[bytes]]) -> dict[Word, Counter[int]]:
    words: dict[Word, Counter[int]] = {}
    for k, category in enumerate(categories):
        for word in category:
            words.setdefault(symbols(merges, word), Counter())[k] += 1
    return words


def as_row(counts: Counter[int], n: int) -> list[int]:
    return [counts[k] for k in range(n)]


@FEW
@given(data=st.data(), char_units=st.booleans())
def test_counts_equal_the_definition(data: st.DataObject, char_units: bool) -> None:
    spec = data.draw(bpe_specs(char_units).filter(lambda spec: bool(spec.merges)))
    merges = merge_list(TextTokenizer(spec))
    words = st.lists(pieces(char_units).filter(len), max_size=8)
    categories = data.draw(st.lists(words, min_size=1, max_size=3))
    n, steps = len(categories), len(merges)
    expected = list(replay(words_of(merges, categories), merges.pairs.tolist()))
    table = make_table([counts_of(category) for category in categories])
    pause = data.draw(st.integers(0, steps))
    run = Replay(table, merges)
    found = [*run.advance(pause).tolist(), *run.advance(steps).tolist()]
    for t, (left, right, _) in enumerate(merges.pairs.tolist()):
        assert found[t] == as_row(expected[t].get((left, right), Counter()), n), t
    standing = run.pairs()
    last: dict[Pair, list[int]] = {
        tuple(pair): row
        for pair, row in zip(standing.pairs.tolist(), standing.counts.tolist(), strict=True)
    }
    assert last == {pair: as_row(counts, n) for pair, counts in expected[-1].items()}


@FEW
@given(words=st.lists(pieces().filter(len), max_size=20), data=st.data())
def test_counts_do_not_depend_on_the_shards(words: list[bytes], data: st.DataObject) -> None:
    whole = counts_of(words)
    assert dict(zip(whole.words(), whole.counts.tolist(), strict=True)) == Counter(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(words)), max_size=4)))
    shards = [counts_of(words[a:b]) for a, b in zip([0, *cuts], [*cuts, len(words)], strict=True)]
    assert add_counts(data.draw(st.permutations(shards))) == whole
    total = EMPTY
    for shard in shards:
        total = total + shard
    assert total == whole


@FEW
@given(spec=bpe_specs().filter(lambda spec: bool(spec.merges)))
def test_merges_spell_their_results_and_come_in_order(spec: TokenizerSpec) -> None:
    tokenizer = TextTokenizer(spec)
    merges = merge_list(tokenizer)
    for left, right, result in merges.pairs.tolist():
        spelt = spec.token_bytes[left] + spec.token_bytes[right]
        assert spelt == spec.token_bytes[result]
    assert shared_beginning(merges, merges) == len(merges)
