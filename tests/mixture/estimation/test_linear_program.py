"""The lazily generated program reaches the optimum of the one with all of its rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from tests.mixture.merges.test_replay import counts_of, words_of
from tests.mixture.toy_mixture import SHARES, train, write_text
from tests.reference.mixture_reference import replay
from tests.text.bpe_strategies import bpe_specs, pieces
from tokkit.errors import ArgumentError
from tokkit.mixture.estimation.linear_program import PairHistory, solve_linear_program
from tokkit.mixture.merges.merge_list import MergeList, merge_list
from tokkit.mixture.samples.counting import count_texts
from tokkit.mixture.samples.word_counts import EMPTY, make_table
from tokkit.mixture.samples.words import WordSplitter
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

FEW = settings(max_examples=40, deadline=None, derandomize=True)
specs = bpe_specs().filter(lambda spec: bool(spec.merges))
words = st.lists(pieces().filter(lambda word: len(word) > 1), min_size=1, max_size=8)


def dense_objective(merges: MergeList, categories: list[list[bytes]]) -> float:
    """The published program with a row for each step and pair."""
    states = list(replay(words_of(merges, categories), merges.pairs.tolist()))
    n = len(categories)
    totals = sum((np.array([c[k] for k in range(n)]) for c in states[0].values()), np.zeros(n))
    pairs = sorted({pair for state in states for pair in state})
    rows, rights = [], []
    n_merges = len(merges)
    for t, (left, right, _) in enumerate(merges.pairs.tolist()):
        chosen = states[t].get((left, right), Counter())
        for p, pair in enumerate(pairs):
            other = states[t].get(pair, Counter())
            row = np.zeros(n + n_merges + len(pairs))
            row[:n] = [(chosen[k] - other[k]) / totals[k] for k in range(n)]
            row[n + t] = row[n + n_merges + p] = 1
            rows.append(-row)
            rights.append(0.0)
    cost = np.concatenate([np.zeros(n), np.ones(n_merges + len(pairs))])
    total = np.concatenate([np.ones(n), np.zeros(n_merges + len(pairs))])
    solved = linprog(cost, np.array(rows), np.array(rights), total[None], np.ones(1))
    assert solved.status == 0
    return float(solved.fun)


@FEW
@given(spec=specs, categories=st.lists(words, min_size=1, max_size=3))
def test_lazy_rows_reach_the_optimum(spec: TokenizerSpec, categories: list[list[bytes]]) -> None:
    merges = merge_list(TextTokenizer(spec))
    table = make_table([counts_of(category) for category in categories])
    solution = solve_linear_program(table, merges, competitors=2)
    assert solution.status == "optimal"
    assert solution.weights.sum() == pytest.approx(1)
    expected = dense_objective(merges, categories)
    assert solution.objective == pytest.approx(expected, abs=1e-7, rel=1e-3)


@FEW
@given(spec=specs, categories=st.lists(words, min_size=1, max_size=3), data=st.data())
def test_competitors_are_those_of_the_definition(
    spec: TokenizerSpec, categories: list[list[bytes]], data: st.DataObject
) -> None:
    merges = merge_list(TextTokenizer(spec))
    n = len(categories)
    history = PairHistory(make_table([counts_of(category) for category in categories]), merges)
    shares = np.array(data.draw(st.lists(st.floats(0.01, 1), min_size=n, max_size=n)))
    slack = np.array(
        data.draw(st.lists(st.floats(0, 0.1), min_size=history.n_pairs, max_size=history.n_pairs))
    )
    allowance = np.full(len(merges), 0.01)
    _, excess = history.competitors(shares, slack, allowance, 1)
    steps = np.repeat(np.arange(len(merges)), history.n_pairs)
    every = np.tile(np.arange(history.n_pairs, dtype=np.int32), len(merges))
    values = (history.shares_at(steps, every) @ shares).reshape(len(merges), -1)
    for t, chosen in enumerate(history.chosen.tolist()):
        merged = values[t, chosen] if chosen >= 0 else 0.0
        over = values[t] - slack - merged - allowance[t]
        if chosen >= 0:
            over[chosen] = 0
        assert excess[t, 0] == pytest.approx(max(0.0, over.max(initial=0.0)), abs=1e-12)


@pytest.mark.slow
def test_a_trained_tokenizer_gets_the_objective_of_the_direct_program(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(train(tmp_path / "tokenizer.json", vocab_size=456))
    splitter = WordSplitter.of(tokenizer)
    texts = [write_text(name, 100_000, seed=2).encode() for name in SHARES]
    table = make_table([count_texts(splitter, [text], 1 << 20).words for text in texts])
    merges = merge_list(tokenizer)
    history = PairHistory(table, merges)
    steps = np.repeat(np.arange(len(merges)), history.n_pairs)
    every = np.tile(np.arange(history.n_pairs, dtype=np.int32), len(merges))
    chosen = np.repeat(history.chosen, history.n_pairs)
    assert (chosen >= 0).all()
    rows = history.shares_at(steps, chosen) - history.shares_at(steps, every)
    binding = (rows < 0).any(axis=1)  # weights are not negative, so the others always hold
    expected = direct_objective(rows[binding], steps[binding], every[binding])
    solution = solve_linear_program(table, merges)
    assert solution.status == "optimal"
    assert expected > 0
    assert solution.objective == pytest.approx(expected, rel=1e-3)


def direct_objective(
    rows: NDArray[np.float64], steps: NDArray[np.int64], pairs: NDArray[np.int32]
) -> float:
    """The published program with all of its rows, in units in which the solver is exact."""
    scale = 1e5
    n_rows, n = rows.shape
    n_steps = int(steps.max()) + 1
    columns = np.concatenate([steps, n_steps + pairs])
    places = np.tile(np.arange(n_rows), 2)
    n_slacks = n_steps + int(pairs.max()) + 1
    slacks = sparse.csr_array((np.ones(2 * n_rows), (places, columns)), (n_rows, n_slacks))
    matrix = sparse.hstack([sparse.csr_array(rows * scale), slacks], format="csr")
    cost = np.concatenate([np.zeros(n), np.ones(n_slacks)])
    total = np.concatenate([np.ones(n), np.zeros(n_slacks)])[None]
    solved = linprog(cost, -matrix, np.zeros(n_rows), total, np.ones(1))
    assert solved.status == 0
    return float(solved.fun) / scale


@FEW
@given(spec=specs, category=words)
def test_an_empty_category_is_refused(spec: TokenizerSpec, category: list[bytes]) -> None:
    table = make_table([counts_of(category), EMPTY])
    with pytest.raises(ArgumentError, match="category 1 holds no pair"):
        solve_linear_program(table, merge_list(TextTokenizer(spec)))
