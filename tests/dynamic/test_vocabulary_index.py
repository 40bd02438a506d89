"""The index finds what a product with every row finds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.vocabulary_reference import all_rows
from tokkit.dynamic.vocabulary_index import VocabularyIndex
from tokkit.errors import ArgumentError

FEW = settings(max_examples=50, deadline=None)


class Drawn:
    """A vocabulary, its index, and the rows written out."""

    def __init__(
        self, seed: int, *, residual: float | None, weighted: bool = True, width: int = 7
    ) -> None:
        rng = np.random.default_rng(seed)
        n_base, n = rng.integers(1, 9), int(rng.integers(0, 40))
        self.rows = rng.standard_normal((n_base, width)).astype(np.float32)
        lengths = rng.integers(1, 5, n)
        self.parts = [rng.integers(0, n_base, length).tolist() for length in lengths]
        self.weights = [rng.standard_normal(length).tolist() for length in lengths]
        if not weighted:
            self.weights = None
        self.bias = rng.standard_normal(n_base + n).astype(np.float32)
        self.residual = None
        if residual is not None:
            self.residual = (residual * rng.standard_normal((n, width))).astype(np.float32)
        self.index = VocabularyIndex(
            self.rows, self.parts, weights=self.weights, bias=self.bias, residual=self.residual
        )
        self.queries = (3 * rng.standard_normal((3, width))).astype(np.float32)
        written = all_rows(self.rows, self.parts, self.weights, self.residual)
        self.logits = self.queries @ written.T + self.bias


SIZES = st.sampled_from([None, 0.0, 1e-30, 1e-3, 0.3, 3.0])


@FEW
@given(st.integers(0, 10**6), SIZES, st.booleans(), st.integers(1, 9))
def test_logits_are_those_of_every_row(
    seed: int, residual: float | None, weighted: bool, width: int
) -> None:
    drawn = Drawn(seed, residual=residual, weighted=weighted, width=width)
    found = drawn.index.logits(drawn.queries)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, drawn.logits, atol=1e-4)
    np.testing.assert_allclose(drawn.index.logits(drawn.queries[1]), found[1], atol=1e-5)


@FEW
@given(st.integers(0, 10**6), SIZES, st.integers(1, 9), st.data())
def test_searching_finds_the_largest_logits(
    seed: int, residual: float | None, width: int, data: st.DataObject
) -> None:
    drawn = Drawn(seed, residual=residual, width=width)
    k = data.draw(st.integers(1, len(drawn.index)))
    ids, logits = drawn.index.search(drawn.queries, k)
    assert ids.shape == logits.shape == (3, k)
    for row, found, given_logits in zip(drawn.logits, ids, logits, strict=True):
        assert len(set(found.tolist())) == k
        np.testing.assert_allclose(given_logits, row[found], atol=1e-4)
        np.testing.assert_allclose(given_logits, np.sort(row)[::-1][:k], atol=1e-4)
        assert (np.diff(given_logits) <= 0).all()


def test_a_large_residual_is_screened_and_nothing_is_missed() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((500, 64)).astype(np.float32)
    parts = rng.integers(0, 500, (20_000, 3))
    for size in (0.05, 0.5, 2.0):
        residual = (size * rng.standard_normal((20_000, 64))).astype(np.float32)
        index = VocabularyIndex(rows, parts, residual=residual)
        for query in rng.standard_normal((5, 64)).astype(np.float32):
            ids, _ = index.search(query, 20)
            assert set(ids.tolist()) == set(np.argsort(-index.logits(query))[:20].tolist())


def test_token_0_is_found_where_it_is_the_largest() -> None:
    rows = np.eye(3, dtype=np.float32)
    for residual in (None, np.zeros((2, 3), np.float32)):
        index = VocabularyIndex(rows, [[1, 2], [0, 1]], residual=residual)
        assert index.search(rows[0], 1)[0].tolist() == [0]
        ids, logits = index.search([5.0, 0, 0], 5)
        assert ids.tolist() == [0, 4, 1, 2, 3]
        assert logits.tolist() == [5, 2.5, 0, 0, 0]


def test_of_equal_logits_the_lower_ids_are_found() -> None:
    index = VocabularyIndex(np.ones((4, 2), np.float32), [[0, 1]] * 6)
    assert index.search([1, 1], 5)[0].tolist() == [0, 1, 2, 3, 4]


def test_total_variation_is_the_mass_that_is_left_out() -> None:
    drawn = Drawn(3, residual=0.3)
    n = len(drawn.index)
    mass = np.exp(drawn.logits)
    mass /= mass.sum(axis=1, keepdims=True)
    for k in (1, 3, n):
        expected = np.sort(mass, axis=1)[:, : n - k].sum(axis=1)
        np.testing.assert_allclose(
            drawn.index.total_variation(drawn.queries, k), expected, atol=1e-4
        )
    assert drawn.index.total_variation(drawn.queries[0], n) == 0


def test_a_bias_may_be_of_all_ids_or_of_the_sums() -> None:
    rows = np.eye(2, dtype=np.float32)
    few = VocabularyIndex(rows, [[0, 1], [0]], bias=[1, 2])
    every = VocabularyIndex(rows, [[0, 1], [0]], bias=[0, 7, 1, 2])
    assert few.logits([1.0, 1.0]).tolist() == [1, 1, 2, 3]
    assert every.logits([1.0, 1.0]).tolist() == [1, 8, 2, 3]


def test_a_bias_that_rules_a_token_out_changes_no_sum_of_it() -> None:
    rows = np.array([[0.1], [0.2]], np.float32)
    index = VocabularyIndex(rows, [[0, 1]], bias=[-1e9, 0, 0])
    assert index.logits([1.0]).tolist() == pytest.approx([-1e9, 0.2, 0.15])
    assert index.search([1.0], 2)[1].tolist() == pytest.approx([0.2, 0.15])


def test_an_index_may_have_no_sums_and_a_batch_no_queries() -> None:
    index = VocabularyIndex(np.eye(2, dtype=np.float32), [])
    assert index.logits([1.0, 2.0]).tolist() == [1, 2]
    assert index.search(np.zeros((0, 2)), 1)[0].shape == (0, 1)
    assert index.logits(np.zeros((0, 2))).shape == (0, 2)


ROWS = np.eye(3, dtype=np.float32)


@pytest.mark.parametrize(
    ("rows", "parts", "options", "message"),
    [
        (ROWS[0], [], {}, "rows must be a matrix"),
        (ROWS[:0], [], {}, "rows has no rows"),
        (ROWS * np.nan, [], {}, "rows holds numbers that are not finite"),
        ([["a"]], [], {}, "rows must be a matrix"),
        (ROWS, [[0], []], {}, re.escape("parts[1] is empty")),
        (ROWS, [[0, 3]], {}, "parts holds the id 3"),
        (ROWS, [[-1]], {}, "parts holds the id -1"),
        (ROWS, [[0.5]], {}, "parts must be sequences of base ids"),
        (ROWS, [1, 2], {}, "parts must be a sequence for each further row"),
        (ROWS, [["a"]], {}, "parts must hold numbers"),
        (ROWS, [[0, 1]], {"weights": [[1.0]]}, "weights does not have the shape of parts"),
        (ROWS, [[0, 1]], {"weights": [[1.0, np.inf]]}, "weights holds numbers"),
        (ROWS, [[0, 1]], {"bias": [1, 2]}, re.escape("bias has shape (2,), expected (1,)")),
        (ROWS, [[0, 1]], {"bias": [np.nan]}, "bias holds"),
        (
            ROWS,
            [[0, 1]],
            {"residual": ROWS},
            re.escape("residual has shape (3, 3), expected (1, 3)"),
        ),
        (ROWS, [[0]], {"residual": np.full((1, 3), np.inf)}, "residual holds numbers"),
    ],
)
def test_what_does_not_fit_is_refused(
    rows: Any, parts: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        VocabularyIndex(rows, parts, **options)


@pytest.mark.parametrize(
    ("queries", "k", "message"),
    [
        ([1.0], 1, re.escape("queries have shape (1,), expected (3,) or (q, 3)")),
        ([[[1.0] * 3]], 1, "queries have shape"),
        ([np.nan, 0, 0], 1, "not finite"),
        ([1.0] * 3, 5, "k must be a whole number from 1 to 4"),
        ([1.0] * 3, 0, "k must be"),
        (["a", "b", "c"], 1, "queries must be numbers"),
    ],
)
def test_questions_that_do_not_fit_are_refused(queries: Any, k: int, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        VocabularyIndex(ROWS, [[0, 1]]).search(queries, k)
