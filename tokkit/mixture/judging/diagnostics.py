"""Which merges disagree with an inferred mixture, told in words.

The pair that training merged at each step was the most frequent one, so the share of the merged
pair in the mixture should fall along the list. It is compared with the non-increasing curve that
fits it best (isotonic regression of its running median, on a log scale). A pair far below the
curve is one that the samples lack; one far above it, or a frequent pair that was never merged, is
one that they hold more of than the training data did. The comparison is the same for every
estimator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from tokkit.mixture.estimation.evidence import Evidence
from tokkit.mixture.merges.merge_list import MergeList

MAX_LISTED = 12
_WINDOW = 101
_MIN_EXPECTED = 20
"""A merge is listed only if so many occurrences are expected in the samples."""
_DUPLICATE = 0.995


@dataclass(frozen=True)
class Disagreement:
    """A pair whose place in the list does not fit its frequency in the mixture.

    Attributes:
        step: the merge's number, from 1; None for a pair that was never merged.
        left: bytes of its left half.
        right: bytes of its right half.
        factor: its share in the mixture over that expected at its place (never merged: at the end
            of the list); 0 if no sample holds it.
        category: which category contributes most to its share; None if none does.
    """

    step: int | None
    left: bytes
    right: bytes
    factor: float
    category: int | None


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """How the merges fit a mixture.

    Attributes:
        residuals: float64 (m,), log10 of each merged pair's share over the expected one; NaN where
            no sample holds the pair.
        too_rare: merges whose pairs the samples lack, worst first.
        too_frequent: merges whose pairs should have come earlier, worst first.
        never_merged: pairs that should have been merged, worst first.
    """

    residuals: NDArray[np.float64]
    too_rare: tuple[Disagreement, ...]
    too_frequent: tuple[Disagreement, ...]
    never_merged: tuple[Disagreement, ...]


def diagnose(evidence: Evidence, merges: MergeList, weights: NDArray[np.float64]) -> Diagnosis:
    """Compare each merge with its place in the list.

    Args:
        evidence: counts of `merges`.
        merges: all merges that were replayed, inherited ones included.
        weights: float64 (c,), shares of bytes.
    """
    pair_weights = weights * evidence.totals / evidence.n_bytes
    per_count = pair_weights / pair_weights.sum() / evidence.totals
    share = evidence.merged @ per_count
    seen = share > 0
    residuals = np.full(len(share), np.nan)
    if not seen.any():
        return Diagnosis(residuals, (), (), ())
    log_share = np.log10(share[seen])
    expected = np.interp(np.arange(len(share)), np.flatnonzero(seen), _falling(log_share))
    residuals[seen] = log_share - expected[seen]
    occurrences = 10.0**expected * float(evidence.totals.sum())
    size = np.where(seen, np.nan_to_num(residuals), -np.inf)
    size[occurrences < _MIN_EXPECTED] = 0.0

    def listed(order: NDArray[np.intp]) -> tuple[Disagreement, ...]:
        return tuple(
            Disagreement(
                evidence.first + t + 1,
                *_spelt(merges, merges.pairs[evidence.first + t, :2]),
                10.0 ** float(residuals[t]) if seen[t] else 0.0,
                _main_category(evidence.merged[t] * per_count),
            )
            for t in order[:MAX_LISTED].tolist()
        )

    rare = np.argsort(size, kind="stable")
    frequent = np.argsort(-size, kind="stable")
    limit = np.log10(2)
    return Diagnosis(
        residuals,
        listed(rare[size[rare] < -limit]),
        listed(frequent[size[frequent] > limit]),
        _never_merged(evidence, merges, per_count, 10.0 ** float(expected[-1])),
    )


def _falling(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The non-increasing curve through the running median."""
    size = min(_WINDOW, len(values))
    smooth = cast(Any, ndimage).median_filter(values, size=size, mode="nearest")
    return cast(Any, optimize).isotonic_regression(smooth, increasing=False).x


def _never_merged(
    evidence: Evidence, merges: MergeList, per_count: NDArray[np.float64], expected: float
) -> tuple[Disagreement, ...]:
    standing = evidence.standing[-1]
    share = standing.counts @ per_count
    order = np.argsort(-share, kind="stable")[:MAX_LISTED]
    return tuple(
        Disagreement(
            None,
            *_spelt(merges, standing.pairs[k]),
            float(share[k] / expected),
            _main_category(standing.counts[k] * per_count),
        )
        for k in order[share[order] > 2 * expected].tolist()
    )


def _spelt(merges: MergeList, pair: NDArray[np.int32]) -> tuple[bytes, bytes]:
    left, right = int(pair[0]), int(pair[1])
    return merges.spellings[left], merges.spellings[right]


def _main_category(parts: NDArray[np.float64]) -> int | None:
    return int(np.argmax(parts)) if parts.any() else None


def near_duplicates(evidence: Evidence) -> list[tuple[int, int]]:
    """Pairs of categories whose merged pairs are distributed almost alike."""
    shares = np.sqrt(evidence.merged / np.maximum(evidence.merged.sum(axis=0), 1))
    alike = shares.T @ shares  # Bhattacharyya coefficients
    first, second = np.nonzero(np.triu(alike > _DUPLICATE, k=1))
    return list(zip(first.tolist(), second.tolist(), strict=True))
