"""What speaks against a mixture is said, and nothing else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tokkit.mixture.estimation.evidence import Evidence
from tokkit.mixture.estimation.missing import MissingTest
from tokkit.mixture.judging.caveats import LONG_PREFIX, outcome_warnings, unsupported

NAMES = ["one", "two", "three"]
SHARES = np.array([0.5, 0.3, 0.2])
FREE = np.ones(3)


@pytest.fixture
def evidence() -> Evidence:
    counts = np.random.default_rng(0).integers(1, 1000, (400, 3))
    totals = np.full(3, 10**6)
    return Evidence(counts, (), (), totals, 2 * totals)


def warnings_of(evidence: Evidence, **changes: object) -> list[str]:
    given = {"weights": SHARES, "limits": FREE, "names": NAMES, "unexplained": 0.0, **changes}
    weights, limits = given.pop("weights"), given.pop("limits")
    return outcome_warnings(evidence, weights, limits, **given)  # pyright: ignore[reportArgumentType]


def test_nothing_is_said_of_a_good_fit(evidence: Evidence) -> None:
    assert warnings_of(evidence) == []


def test_each_doubt_is_told(evidence: Evidence) -> None:
    gaps = evidence.merged.copy()
    gaps[::10] = 0
    sparse = dataclasses.replace(evidence, merged=gaps)
    assert unsupported(sparse) == pytest.approx(0.1)
    (warning,) = warnings_of(sparse)
    assert warning.startswith("10.0% of the merges")
    (warning,) = warnings_of(evidence, unexplained=0.2)
    assert "20% of the training data" in warning
    (warning,) = warnings_of(evidence, missing=MissingTest(1000, 40))
    assert warning.startswith("40 of 1,000 early merges") and "p < 0.001" in warning
    assert warnings_of(evidence, missing=MissingTest(1000, 4)) == []
    (warning,) = warnings_of(dataclasses.replace(evidence, merged=evidence.merged[:50]))
    assert "only 50 merges" in warning
    (warning,) = warnings_of(dataclasses.replace(evidence, first=LONG_PREFIX))
    assert "after 10,000 inherited merges only rare pairs are left" in warning


def test_shares_above_their_limits_are_named_largest_first(evidence: Evidence) -> None:
    (warning,) = warnings_of(evidence, limits=np.array([0.01, 1.0, 0.1]))
    assert "'one' (50.0% instead of at most 1.0%), 'three' (20.0% instead of at most 10.0%)" in (
        warning
    )
    assert "'two'" not in warning
    tiny = np.array([0.999, 0.0005, 0.0005])
    assert warnings_of(evidence, weights=tiny, limits=np.array([1, 0.0001, 1])) == []


def test_categories_that_are_alike_are_told_as_sets(evidence: Evidence) -> None:
    same = dataclasses.replace(evidence, merged=evidence.merged[:, [0, 0, 0]])
    (warning,) = warnings_of(same)
    assert warning.startswith("'one' and 'two' and 'three' are nearly the same text")
    assert "(100.0%)" in warning
    two = dataclasses.replace(evidence, merged=evidence.merged[:, [0, 1, 1]])
    assert warnings_of(two, weights=np.array([0.999, 0.0005, 0.0005])) == []
