"""`Evidence`: what a merge list and samples of the categories say about each other, as counts.

Replaying the merges over the samples gives how often each merge's pair stands in each category when
it is chosen, and at some moments (*snapshots*) how often every other pair stands: these competitors
were not chosen, so that none of them was the most frequent pair of the training data. All
estimators but the published linear program work on these counts alone, whose size does not depend
on that of the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.mixture.merges.merge_list import MergeList
from tokkit.mixture.merges.replay import PairCounts, Replay, check_totals
from tokkit.mixture.samples.word_counts import WordTable

SNAPSHOTS = (100, 300, 1_000, 3_000, 10_000, 30_000)
"""After how many merges competitors are looked at, unless told; and after the last merge."""

MOST_COMPETITORS = 50_000
"""At most so many competitors are kept at a snapshot: those with the largest share anywhere."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Counts of the merged pairs and of their competitors in the categories' samples.

    Attributes:
        merged: int64 (m, c): how often the pair of each merge stands in each category just before
            the merge is applied.
        steps: the snapshots, as numbers of merges applied (inherited ones included), ascending.
        standing: the competitors standing at each snapshot, after that many merges.
        totals: int64 (c,), pairs of each category before the first merge.
        n_bytes: int64 (c,), bytes of each category's text.
        first: how many merges were applied before those of `merged`, and are not used.
    """

    merged: NDArray[np.int64]
    steps: tuple[int, ...]
    standing: tuple[PairCounts, ...]
    totals: NDArray[np.int64]
    n_bytes: NDArray[np.int64]
    first: int = 0

    @property
    def n_categories(self) -> int:
        """Number of categories."""
        return len(self.totals)

    def only(self, kept: NDArray[np.bool_]) -> Evidence:
        """That of some categories, bool (c,)."""
        standing = tuple(PairCounts(each.pairs, each.counts[:, kept]) for each in self.standing)
        return replace(
            self,
            merged=self.merged[:, kept],
            standing=standing,
            totals=self.totals[kept],
            n_bytes=self.n_bytes[kept],
        )

    def bytes_from_pairs(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 (..., c): shares of bytes from shares of pairs (before the first merge)."""
        weighted = shares * (self.n_bytes / self.totals)
        return weighted / weighted.sum(axis=-1, keepdims=True)


def gather_evidence(
    table: WordTable,
    merges: MergeList,
    *,
    first: int = 0,
    snapshots: Sequence[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evidence:
    """Replay the merges over the words of the categories.

    Args:
        table: the words.
        merges: all merges, in order.
        first: so many merges are inherited from another tokenizer: applied, not used.
        snapshots: after how many merges the competitors are looked at; None: `SNAPSHOTS` and the
            last merge, as far as they lie after the inherited ones.
        progress: called with the merges applied so far and their number.

    Raises:
        ArgumentError: no merge is left, a snapshot lies outside the merges used, or a category
            holds no pair of symbols.
    """
    n = len(merges)
    if not 0 <= first < n:
        raise ArgumentError(
            f"{first} of {n} merges are to be left out: expected at least 0 and less than all"
        )
    if snapshots is None:
        steps = sorted({step for step in SNAPSHOTS if first < step < n} | {n})
    else:
        steps = sorted(set(snapshots))
        if any(not first < step <= n for step in steps):
            raise ArgumentError(
                f"snapshots {steps} must lie after {first} merges and not beyond {n}"
            )
    replay = Replay(table, merges)
    totals = replay.pairs().counts.sum(axis=0, dtype=np.int64)
    check_totals(totals)
    replay.advance(first)
    merged: list[NDArray[np.int64]] = []
    standing: list[PairCounts] = []
    for step in sorted({*steps, n}):
        merged.append(replay.advance(step))
        if step in steps:
            standing.append(_largest(replay.pairs(), totals))
        if progress is not None:
            progress(step, n)
    return Evidence(
        merged=np.concatenate(merged),
        steps=tuple(steps),
        standing=tuple(standing),
        totals=totals,
        n_bytes=table.n_bytes,
        first=first,
    )


def _largest(pairs: PairCounts, totals: NDArray[np.int64]) -> PairCounts:
    """The pairs whose share in some category is among the largest."""
    if len(pairs.pairs) <= MOST_COMPETITORS:
        return pairs
    share = (pairs.counts / totals).max(axis=1)
    kept = np.sort(np.argpartition(share, -MOST_COMPETITORS)[-MOST_COMPETITORS:])
    return PairCounts(pairs.pairs[kept], pairs.counts[kept])
