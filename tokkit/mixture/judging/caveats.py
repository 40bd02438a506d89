"""`outcome_warnings`: what speaks against an inferred mixture, each in a sentence.

What is wrong with a sample alone is found before anything is inferred (`samples.checking`);
this is about samples and merges together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokkit.mixture.estimation.evidence import Evidence
from tokkit.mixture.estimation.missing import MissingTest
from tokkit.mixture.estimation.share_limits import NOTABLE
from tokkit.mixture.judging.diagnostics import near_duplicates
from tokkit.report.wording import listed

SMALL_SAMPLE = 100_000
"""Bytes below which a sample is called small."""
_MOST_NAMED = 5
_FEW_MERGES = 300
LONG_PREFIX = 10_000
"""After so many inherited merges what is left is rare in any sample."""
_MOST_UNSUPPORTED, _MOST_UNEXPLAINED = 0.2, 0.5


def fits(*, unsupported: float, unexplained: float) -> bool:
    """Whether an estimate fits well enough that its error can be told.

    Args:
        unsupported: the share of the merges whose pair stands in no sample.
        unexplained: the share of the training data that looks like none of the categories.
    """
    return unsupported <= _MOST_UNSUPPORTED and unexplained <= _MOST_UNEXPLAINED


def unsupported(evidence: Evidence) -> float:
    """The share of the merges whose pair stands in no sample."""
    return float(1 - evidence.merged.any(axis=1).mean())


def outcome_warnings(
    evidence: Evidence,
    weights: NDArray[np.float64],
    limits: NDArray[np.float64],
    *,
    names: list[str],
    unexplained: float | None,
    missing: MissingTest | None = None,
) -> list[str]:
    """Warnings about inferred shares.

    Args:
        evidence: the counts.
        weights: float64 (c,), shares of bytes.
        limits: float64 (c,), see `tokkit.mixture.estimation.share_limits`.
        names: of the categories.
        unexplained: the estimator's share of the training data without a category, if it has one.
        missing: the test that no category is missing, if the estimator has one.
    """
    warnings: list[str] = []
    without = unsupported(evidence)
    if without > 0.01:
        warnings.append(
            f"{without:.1%} of the merges join pairs that stand in no sample; the samples are too "
            "small, or a category is missing"
        )
    if unexplained is not None and unexplained > 0.05:
        warnings.append(
            f"about {unexplained:.0%} of the training data is not explained by the categories; one "
            "may be missing"
        )
    if missing is not None and missing.is_rejected:
        warnings.append(
            f"{missing.n_lacking:,} of {missing.n_tested:,} early merges join pairs that the "
            f"samples hold less than a quarter as often as they should ({missing} if every "
            "category is there): one is missing, or samples are of another kind than the training "
            "text; what is missing is booked under what resembles it, outside of the intervals"
        )
    if len(evidence.merged) < _FEW_MERGES:
        warnings.append(
            f"only {len(evidence.merged)} merges could be used; shares are very uncertain"
        )
    if evidence.first >= LONG_PREFIX:
        warnings.append(
            f"after {evidence.first:,} inherited merges only rare pairs are left, and what is rare "
            "in a sample depends on what it is about; do not trust these shares unless the samples "
            "are hundreds of megabytes a category"
        )
    return [
        *warnings,
        *_refuted(weights, limits, names),
        *_alike(near_duplicates(evidence), weights, names),
    ]


def _refuted(
    weights: NDArray[np.float64], limits: NDArray[np.float64], names: list[str]
) -> list[str]:
    """A warning about shares above what the merges allow."""
    order = np.argsort(-weights, kind="stable").tolist()
    found = [k for k in order if weights[k] >= NOTABLE and weights[k] > limits[k]]
    if not found:
        return []
    shares = [f"{names[k]!r} ({weights[k]:.1%} instead of at most {limits[k]:.1%})" for k in found]
    warning = (
        f"too large: {listed(shares, _MOST_NAMED)}; with such a share, frequent pairs of the "
        "sample would have been merged early, and were not. The share belongs to something else "
        "that uses the same characters or words, or to no category at all"
    )
    return [warning]


def _alike(
    pairs: list[tuple[int, int]], weights: NDArray[np.float64], names: list[str]
) -> list[str]:
    """A warning for each set of categories that are nearly the same text, if it has a share."""
    sets: list[set[int]] = []
    for pair in pairs:
        touched = [each for each in sets if not each.isdisjoint(pair)]
        sets = [each for each in sets if each.isdisjoint(pair)] + [set(pair).union(*touched)]
    return [
        f"{' and '.join(repr(names[k]) for k in sorted(each))} are nearly the same text; trust the "
        f"sum of their shares ({float(weights[sorted(each)].sum()):.1%}) rather than each"
        for each in sets
        if weights[sorted(each)].sum() >= NOTABLE
    ]
