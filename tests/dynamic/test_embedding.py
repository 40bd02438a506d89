"""Rows of merged tokens: a mean of subtokens, and a cache that never changes an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.dynamic.embedding import Embedder, EmbeddingCache, SubtokenEmbedder
from tokkit.errors import ArgumentError, EncodingError

MATRIX = np.arange(12, dtype=np.float32).reshape(4, 3) ** 2


class Counting:
    """Says of each spelling what it is, and counts the rows that it is asked for."""

    width = 2

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def rows(self, spellings: Sequence[Sequence[int]]) -> np.ndarray:
        self.asked += map(tuple, spellings)
        return np.array([[len(s), sum(s)] for s in spellings], np.float32).reshape(-1, 2)


def test_a_row_is_the_weighted_mean_of_its_subtokens() -> None:
    plain = SubtokenEmbedder(MATRIX)
    assert isinstance(plain, Embedder)
    np.testing.assert_allclose(plain.rows([[0, 3], [2]]), [MATRIX[[0, 3]].mean(0), MATRIX[2]])
    tilted = SubtokenEmbedder(MATRIX, first=0.5, last=0.2)
    expected = 0.5 * MATRIX[1] + 0.2 * MATRIX[3] + 0.3 * MATRIX[[1, 2, 3]].mean(0)
    np.testing.assert_allclose(tilted.rows([[1, 2, 3]])[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(tilted.rows([[2]])[0], MATRIX[2])
    assert plain.rows([]).shape == (0, 3)


SPELLINGS = st.lists(st.integers(0, 5), min_size=1, max_size=3).map(tuple)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(SPELLINGS, max_size=12), max_size=6), st.integers(1, 5))
def test_a_cache_answers_as_its_embedder_and_keeps_no_more_than_it_may(
    requests: list[list[tuple[int, ...]]], max_rows: int
) -> None:
    embedder = Counting()
    cache = EmbeddingCache(embedder, max_rows)
    for spellings in requests:
        np.testing.assert_array_equal(cache.rows(spellings), Counting().rows(spellings))
        assert len(cache) <= max_rows
        last = list(dict.fromkeys(spellings))[-1:]
        before = len(embedder.asked)
        cache.rows(last)
        assert len(embedder.asked) == before or len({*spellings}) > max_rows
    assert cache.n_predicted == len(embedder.asked)


def test_the_longest_unused_rows_go_first() -> None:
    embedder = Counting()
    cache = EmbeddingCache(embedder, 2)
    for spelling in ([1], [2], [1], [3], [1]):
        cache.rows([spelling])
    assert embedder.asked == [(1,), (2,), (3,)]
    cache.rows([[2]])
    assert embedder.asked[-1] == (2,)


def test_a_batch_larger_than_the_cache_is_answered_in_full() -> None:
    cache = EmbeddingCache(Counting(), 3)
    rows = cache.rows([[k] for k in range(100)])
    assert rows[:, 1].tolist() == list(range(100))
    assert len(cache) == 3
    assert cache.rows([[99]] * 2).tolist() == [[1, 99]] * 2
    assert cache.n_predicted == 100


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SubtokenEmbedder(MATRIX[0]), ArgumentError, "a matrix of a float type"),
        (lambda: SubtokenEmbedder(np.eye(2, dtype=int)), ArgumentError, "a matrix of a float type"),
        (lambda: SubtokenEmbedder(np.full((2, 2), np.nan)), ArgumentError, "not finite"),
        (lambda: SubtokenEmbedder(np.full((2, 2), 1e300)), ArgumentError, "not finite"),
        (lambda: SubtokenEmbedder(MATRIX, first=0.8, last=0.3), ArgumentError, "make up 1"),
        (lambda: SubtokenEmbedder(MATRIX, first=-0.1), ArgumentError, "shares from 0"),
        (lambda: SubtokenEmbedder(MATRIX).rows([[0], []]), ArgumentError, "spellings[1] is empty"),
        (lambda: SubtokenEmbedder(MATRIX).rows([[4]]), EncodingError, "outside the 4 rows"),
        (lambda: SubtokenEmbedder(MATRIX).rows(cast(Any, [["a"]])), ArgumentError, "whole numbers"),
        (lambda: EmbeddingCache(Counting(), 0), ArgumentError, "max_rows"),
        (lambda: EmbeddingCache(cast(Any, MATRIX), 3), ArgumentError, "expected an embedder"),
        (lambda: EmbeddingCache(Wrong(), 3).rows([[1]]), ArgumentError, "shape (1, 3)"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()


class Wrong(Counting):
    def rows(self, spellings: Sequence[Sequence[int]]) -> np.ndarray:
        return np.zeros((len(spellings), 3), np.float32)
