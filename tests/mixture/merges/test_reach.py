"""After a long prefix, categories whose pairs were left alone are not told of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tokkit.mixture.estimation.evidence import Evidence
from tokkit.mixture.estimation.solving import Solution, among_all
from tokkit.mixture.judging.caveats import LONG_PREFIX
from tokkit.mixture.judging.groups import group_shares
from tokkit.mixture.merges.reach import reach, told
from tokkit.mixture.merges.replay import PairCounts


def evidence() -> Evidence:
    """Of three categories with 1000, 2000 and 500 pairs; 60, 10 and 100 of them were joined."""
    return Evidence(
        merged=np.array([[40, 10, 0], [20, 0, 100]]),
        steps=(LONG_PREFIX + 2,),
        standing=(PairCounts(np.array([[1, 2]], np.int32), np.array([[3, 4, 5]])),),
        totals=np.array([1000, 2000, 500]),
        n_bytes=np.array([3000, 3000, 3000]),
        first=LONG_PREFIX,
    )


def test_reach_is_the_part_of_the_pairs_that_was_joined() -> None:
    assert reach(evidence()) == pytest.approx([0.06, 0.005, 0.2])
    assert told(evidence()).tolist() == [True, False, True]


def test_all_are_told_of_without_a_long_prefix() -> None:
    assert told(replace(evidence(), first=LONG_PREFIX - 1)).all()


def test_evidence_of_some_categories_has_their_columns() -> None:
    part = evidence().only(np.array([True, False, True]))
    assert part.merged.tolist() == [[40, 0], [20, 100]]
    assert part.standing[0].counts.tolist() == [[3, 5]]
    assert part.totals.tolist() == [1000, 500]
    assert reach(part) == pytest.approx([0.06, 0.2])


def test_what_is_not_told_of_may_have_any_share() -> None:
    bounds, covariance = np.array([[0.6, 0.8], [0.2, 0.4]]), np.eye(2) / 100
    part = Solution(np.array([0.7, 0.3]), bounds, covariance, "converged", 0.0, 0.0, None)
    whole = among_all(part, np.array([True, False, True]))
    assert whole.weights.tolist() == [0.7, 0.0, 0.3]
    assert whole.intervals is not None
    assert whole.intervals.tolist() == [[0.0, 0.8], [0.0, 1.0], [0.0, 0.4]]
    shares = dict(zip("abc", whole.weights.tolist(), strict=True))
    groups = group_shares(
        shares, {"x": "ab", "y": "c"}, covariance=whole.covariance, level=0.9, untold=("b",)
    )
    assert groups["x"].interval == (0.0, 1.0)
    assert groups["y"].interval is not None
    low, high = groups["y"].interval
    assert low == 0 and 0.3 < high < 0.5
    assert (
        among_all(replace(part, intervals=None, covariance=None), np.array([1, 1], bool)).intervals
        is None
    )
