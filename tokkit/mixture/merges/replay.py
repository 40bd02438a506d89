"""`Replay`: apply a merge list to the words of several categories, and count pairs on the way.

What training saw at each step is which pair was the most frequent one. `Replay.advance` gives, for
each merge, how often its pair stands in each category when it is chosen; `Replay.pairs` gives the
same of every pair that stands at a moment, so of the competitors that were not chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.kernels.bpe import pair_table
from tokkit.kernels.merge_lists import merge_replay
from tokkit.mixture.merges.merge_list import MergeList
from tokkit.mixture.samples.word_counts import WordTable


@dataclass(frozen=True, eq=False)
class PairCounts:
    """Pairs, and how often each stands in each category.

    Attributes:
        pairs: int32 (p, 2), ids, sorted.
        counts: int64 (p, c).
    """

    pairs: NDArray[np.int32]
    counts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LaidOut:
    """Words as chains of symbols, with the places of every merge's pair; kernels change it."""

    chain: merge_replay.Chain
    places: merge_replay.Places
    slots: NDArray[np.int64]
    bitmap: NDArray[np.int64]
    weights: merge_replay.Weights


def lay_out(table: WordTable, merges: MergeList) -> LaidOut:
    """Lay words out as their first symbols."""
    symbols, starts = merges.symbols_of(table.text, table.starts)
    left, right, result = (np.ascontiguousarray(column) for column in merges.pairs.T)
    order = np.arange(len(merges), dtype=np.int32)
    slots, bitmap = pair_table.build(left, right, result, order)
    chain = merge_replay.chain_words(symbols, starts)
    places = merge_replay.Places(
        newest=np.full(len(merges), merge_replay.NOWHERE, dtype=np.int32),
        entries=np.empty((3 * len(symbols), 2), dtype=np.int32),
        n_entries=np.zeros(1, dtype=np.int64),
    )
    merge_replay.note_all(chain, places, slots, bitmap)
    weights = merge_replay.Weights(table.row_starts, table.category, table.count)
    return LaidOut(chain, places, slots, bitmap, weights)


def check_totals(totals: NDArray[np.int64]) -> None:
    """Check that every category holds pairs.

    Raises:
        ArgumentError: one holds none.
    """
    if (totals == 0).any():
        raise ArgumentError(
            f"category {int(np.argmin(totals))} holds no pair of symbols; its sample is empty, or "
            "in an encoding that the tokenizer does not know"
        )


class Replay:
    """Words on which merges have been applied up to some step.

    Attributes:
        step: how many merges have been applied.
    """

    def __init__(self, table: WordTable, merges: MergeList) -> None:
        """Lay the words out as their first symbols.

        Args:
            table: the words.
            merges: what to apply.
        """
        self._table = table
        self._merges = merges.pairs
        self.step = 0
        self._words = lay_out(table, merges)

    def advance(self, step: int) -> NDArray[np.int64]:
        """Apply the merges up to `step`.

        Returns:
            int64 (k, c): for each merge applied, how often its pair stood in each category just
            before.

        Raises:
            ArgumentError: the step has passed, or there are not so many merges.
        """
        if not self.step <= step <= len(self._merges):
            raise ArgumentError(
                f"cannot advance to step {step}: expected {self.step} to {len(self._merges)}"
            )
        counts = np.zeros((step - self.step, self._table.n_categories), dtype=np.int64)
        merge_replay.apply_merges(
            self._words.chain,
            self._words.places,
            self._words.slots,
            self._words.bitmap,
            self._merges[self.step : step],
            self.step,
            self._words.weights,
            counts,
        )
        self.step = step
        return counts

    def pairs(self) -> PairCounts:
        """Every pair that stands in the words now."""
        pair, word = merge_replay.standing_pairs(self._words.chain)
        distinct, number = np.unique(pair, return_inverse=True)
        starts, n = self._table.row_starts, self._table.n_categories
        per_place = np.diff(starts)[word]
        ends = np.cumsum(per_place)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - per_place, per_place)
        entry = np.repeat(starts[:-1][word], per_place) + within
        cell = np.repeat(number, per_place) * n + self._table.category[entry]
        counts = np.bincount(
            cell, weights=self._table.count[entry], minlength=len(distinct) * n
        ).reshape(len(distinct), n)
        halves = np.stack([distinct >> 32, distinct & 0xFFFFFFFF], axis=1)
        return PairCounts(halves.astype(np.int32), counts.astype(np.int64))
