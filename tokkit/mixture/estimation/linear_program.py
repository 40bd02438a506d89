"""The linear program of Hayase et al. ("Data Mixture Inference", NeurIPS 2024, section 3.2).

If the training data is a mixture with weights a_i, the pair that merge t joins is the most frequent
one of the mixture at that step. With c_i^t(p) the count of pair p in the sample of category i
before merge t, and d_i the count of all pairs in that sample at first:

    minimise    sum_t v_t + sum_p v_p
    subject to  sum_i a_i (c_i^t(m_t) - c_i^t(p)) / d_i + v_t + v_p >= 0   for all t, p
                sum_i a_i = 1,  a, v >= 0

There are (merges x pairs) rows, of which few matter. They are generated lazily: solve, look for
rows that the solution violates, add them, until there are none. Looking is a walk through the
recorded changes of the counts (`tokkit.kernels.merge_lists.pair_changes`), with the weighted counts
in a heap.

Deviates in the solver (HiGHS, where the paper has Gurobi), and adds all of a round's violated rows
(up to `competitors` for each merge) where the authors' code adds a hundred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from tokkit.errors import ArgumentError, ModelError
from tokkit.kernels.merge_lists import pair_changes
from tokkit.mixture.merges.merge_list import MergeList
from tokkit.mixture.merges.replay import check_totals, lay_out
from tokkit.mixture.samples.word_counts import WordTable

_SCALE = 1e5
"""Shares of pairs are small; the solver's tolerances are absolute, so it sees them times this."""


@dataclass(frozen=True, eq=False)
class LinearProgramSolution:
    """A solution, and how it was reached.

    Attributes:
        weights: float64 (c,), a_i, the share of the training data's *pairs* in each category.
        objective: the sum of all violations, in shares of pairs.
        status: `"optimal"`, or `"rounds"` if rows were still violated after the last round.
        n_rows: rows generated.
        worst: the largest violation of a row that was not generated.
    """

    weights: NDArray[np.float64]
    objective: float
    status: str
    n_rows: int
    worst: float


class PairHistory:
    """Every pair that ever stands in the words, and every change of its count."""

    def __init__(self, table: WordTable, merges: MergeList) -> None:
        """Replay the merges and write down the changes.

        Args:
            table: the words of the categories.
            merges: what was merged, in order.

        Raises:
            ArgumentError: a category without any pair.
        """
        words = lay_out(table, merges)
        room = 6 * len(words.chain.symbol)
        keys = np.empty(room, dtype=np.int64)
        word = np.empty(room, dtype=np.int32)
        sign = np.empty(room, dtype=np.int8)
        self.starts = np.zeros(len(merges) + 2, dtype=np.int64)
        pair_changes.record(
            words.chain,
            words.places,
            words.slots,
            words.bitmap,
            merges.pairs,
            self.starts,
            keys,
            word,
            sign,
        )
        n = int(self.starts[-1])
        distinct, number = np.unique(keys[:n], return_inverse=True)
        self.pair = number.astype(np.int32)
        self.word = word[:n].copy()
        self.sign = sign[:n].copy()
        self.n_pairs = len(distinct)
        self.weights = words.weights
        wanted = merges.pairs[:, 0].astype(np.int64) << 32 | merges.pairs[:, 1]
        place = np.minimum(np.searchsorted(distinct, wanted), max(0, len(distinct) - 1))
        found = distinct[place] == wanted if len(distinct) else np.zeros(len(wanted), np.bool_)
        self.chosen = np.where(found, place, -1).astype(np.int32)
        self._word_rows = sparse.csr_array(
            (table.count, table.category, table.row_starts),
            shape=(len(table.starts) - 1, table.n_categories),
        )
        at_first = np.bincount(self.word[: self.starts[1]], minlength=len(table.starts) - 1)
        self.totals = cast(NDArray[np.int64], self._word_rows.T @ at_first)
        check_totals(self.totals)

    def competitors(
        self,
        shares: NDArray[np.float64],
        slack: NDArray[np.float64],
        allowance: NDArray[np.float64],
        n_best: int,
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The pairs that exceed the merged one by most at each step.

        Args:
            shares: float64 (c,), the weights of the categories.
            slack: float64 (p,), v_p.
            allowance: float64 (m,), v_t.
            n_best: at most so many a step.

        Returns:
            int32 (m, n_best), the pairs, -1 where there are no more; float64 (m, n_best), by how
            much each exceeds what is forgiven.
        """
        per_word = cast(NDArray[np.float64], self._word_rows @ (shares / self.totals))
        change = per_word[self.word] * self.sign
        pairs = np.empty((len(self.chosen), n_best), dtype=np.int32)
        excess = np.zeros((len(self.chosen), n_best))
        pair_changes.most_frequent(
            self.starts, self.pair, change, self.chosen, slack, allowance, pairs, excess
        )
        return pairs, excess

    def shares_at(self, steps: NDArray[np.int64], pairs: NDArray[np.int32]) -> NDArray[np.float64]:
        """float64 (r, c): c_i^t(p) / d_i of pairs before steps, both (r,), steps not decreasing."""
        row_of = np.full(self.n_pairs, -1, dtype=np.int32)
        distinct = np.unique(pairs)
        row_of[distinct] = np.arange(len(distinct), dtype=np.int32)
        out = np.zeros((len(pairs), len(self.totals)), dtype=np.int64)
        pair_changes.counts_at(
            self.starts,
            self.pair,
            self.word,
            self.sign,
            self.weights,
            np.searchsorted(steps, np.arange(len(self.chosen) + 1)),
            pairs,
            row_of,
            out,
        )
        return out / self.totals


def solve_linear_program(
    table: WordTable,
    merges: MergeList,
    *,
    competitors: int = 10,
    max_rounds: int = 100,
    tolerance: float = 1e-9,
    progress: Callable[[int, int], None] | None = None,
) -> LinearProgramSolution:
    """Solve the published program.

    Args:
        table: the words of the categories.
        merges: the merges to explain; a few thousand, or it takes very long.
        competitors: at most so many rows a merge are added in a round.
        max_rounds: programs solved at most.
        tolerance: a row counts as violated beyond this share of the pairs.
        progress: called after each round with the rows so far, and 0: their number is not known.

    Raises:
        ArgumentError: an option out of range, or a category without any pair.
        ModelError: the solver failed.
    """
    if competitors < 1 or max_rounds < 1 or not tolerance > 0:
        raise ArgumentError(
            "competitors and max_rounds must be at least 1 and tolerance above 0; got "
            f"{competitors}, {max_rounds} and {tolerance}"
        )
    history = PairHistory(table, merges)
    n_merges, n_pairs = len(merges), history.n_pairs
    shares = np.full(table.n_categories, 1 / table.n_categories)
    slack, allowance = np.zeros(n_pairs), np.zeros(n_merges)
    known = np.empty(0, dtype=np.int64)  # step * n_pairs + pair
    rows = np.empty((0, table.n_categories))
    objective = 0.0
    for n_rounds in range(max_rounds + 1):
        found, excess = history.competitors(shares, slack, allowance, competitors)
        violated = (found >= 0) & (excess > tolerance)
        worst = float(excess[violated].max(initial=0.0))
        keys = np.flatnonzero(violated) // competitors * n_pairs + found[violated]
        fresh = np.setdiff1d(keys, known)
        if not len(fresh) or n_rounds == max_rounds:
            status = "rounds" if len(fresh) else "optimal"
            return LinearProgramSolution(shares, objective, status, len(known), worst)
        steps, pairs = fresh // n_pairs, (fresh % n_pairs).astype(np.int32)
        rows = np.concatenate([rows, _differences(history, steps, pairs)])
        known = np.concatenate([known, fresh])
        shares, slack, allowance, objective = _solve(rows, known, n_pairs, n_merges)
        if progress is not None:
            progress(len(known), 0)
    raise AssertionError


def _differences(
    history: PairHistory, steps: NDArray[np.int64], pairs: NDArray[np.int32]
) -> NDArray[np.float64]:
    """float64 (r, c): (c_i^t(m_t) - c_i^t(p)) / d_i."""
    chosen = history.chosen[steps]
    there = chosen >= 0
    merged = np.zeros((len(steps), len(history.totals)))
    merged[there] = history.shares_at(steps[there], chosen[there])
    return merged - history.shares_at(steps, pairs)


def _solve(
    rows: NDArray[np.float64], known: NDArray[np.int64], n_pairs: int, n_merges: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """The program with these rows only: weights, v_p, v_t, and the objective."""
    n_rows, n = len(known), rows.shape[1]
    steps, step_of = np.unique(known // n_pairs, return_inverse=True)
    pairs, pair_of = np.unique(known % n_pairs, return_inverse=True)
    columns = np.concatenate([step_of, len(steps) + pair_of])
    slacks = sparse.coo_array(
        (np.ones(2 * n_rows), (np.arange(2 * n_rows) % n_rows, columns)),
        shape=(n_rows, len(steps) + len(pairs)),
    )
    matrix = cast(Any, sparse.hstack)([sparse.csr_array(rows * _SCALE), slacks], format="csr")
    n_columns = n + len(steps) + len(pairs)
    cost = np.concatenate([np.zeros(n), np.ones(n_columns - n)])
    total = np.concatenate([np.ones(n), np.zeros(n_columns - n)])
    solution = cast(
        Any,
        optimize.linprog(
            cost,
            A_ub=-matrix,
            b_ub=np.zeros(n_rows),
            A_eq=sparse.csr_array(total[None, :]),
            b_eq=np.ones(1),
            bounds=(0, None),
            method="highs",
        ),
    )
    if solution.status != 0:
        raise ModelError(f"the linear program could not be solved: {solution.message}")
    weights = np.maximum(solution.x[:n], 0.0)
    allowance, slack = np.zeros(n_merges), np.zeros(n_pairs)
    allowance[steps] = solution.x[n : n + len(steps)] / _SCALE
    slack[pairs] = solution.x[n + len(steps) :] / _SCALE
    return weights / weights.sum(), slack, allowance, float(solution.fun) / _SCALE
