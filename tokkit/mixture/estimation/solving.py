"""`solve`: the shares by an estimator, with all that it tells of them, as a `Solution`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.mixture.estimation.estimator import Estimate, estimate
from tokkit.mixture.estimation.evidence import Evidence
from tokkit.mixture.estimation.intervals import INFLATION, intervals
from tokkit.mixture.estimation.linear_program import LinearProgramSolution, solve_linear_program
from tokkit.mixture.estimation.missing import MissingTest
from tokkit.mixture.judging.caveats import fits
from tokkit.mixture.merges.merge_list import MergeList
from tokkit.mixture.merges.reach import told
from tokkit.mixture.samples.word_counts import WordTable


@dataclass(frozen=True, eq=False)
class Solution:
    """Shares of n categories, and what is known of them.

    Attributes:
        weights: float64 (n,), shares of bytes.
        intervals: float64 (n, 2); None where none can be given.
        covariance: float64 (n, n), of the weights; None likewise.
        status: how the estimator ended.
        objective: what it has minimised.
        unexplained: share of the training data that looks like no category; None if not estimated.
        missing: whether a category is missing; None if not tested.
    """

    weights: NDArray[np.float64]
    intervals: NDArray[np.float64] | None
    covariance: NDArray[np.float64] | None
    status: str
    objective: float
    unexplained: float | None
    missing: MissingTest | None


def solve(
    method: str,
    table: WordTable,
    merges: MergeList,
    evidence: Evidence,
    *,
    level: float,
    say: Callable[[str, int, int], None],
) -> Solution:
    """Find the shares under which the merges would have been chosen.

    Args:
        method: `"default"`, or `"linear-program"` for that of the paper.
        table: words of the samples.
        merges: those that are used.
        evidence: what they tell.
        level: nominal coverage of the intervals.
        say: called with what is being done, how much is done, and how much there is.

    Raises:
        ArgumentError: the merges and the samples have nothing in common.
    """
    if not evidence.merged.any():
        raise ArgumentError(
            "no sample holds the pair of any merge; the samples have nothing in common with the "
            "training data, or are split in another way"
        )
    if method == "linear-program":
        solved = partial(say, "solving, rows so far")
        return _from_program(solve_linear_program(table, merges, progress=solved), evidence)
    say("estimating", 0, 1)
    heard = told(evidence)
    spoken_of = evidence if heard.all() else evidence.only(heard)
    found = estimate(spoken_of)
    solution = _from_estimate(found, intervals(spoken_of, found, level=level))
    return solution if heard.all() else among_all(solution, heard)


def among_all(part: Solution, heard: NDArray[np.bool_]) -> Solution:
    """With the categories that nothing was told of: 0, but anything up to 1 for all that is known.

    Whatever they have is taken from the others, whose lower ends are therefore 0.
    """
    n = len(heard)
    weights = np.zeros(n)
    weights[heard] = part.weights
    bounds = covariance = None
    if part.intervals is not None and part.covariance is not None:
        bounds = np.tile([0.0, 1.0], (n, 1))
        bounds[heard, 1] = part.intervals[:, 1]
        covariance = np.zeros((n, n))
        covariance[np.ix_(heard, heard)] = part.covariance
    return replace(part, weights=weights, intervals=bounds, covariance=covariance)


def _from_program(found: LinearProgramSolution, evidence: Evidence) -> Solution:
    weights = evidence.bytes_from_pairs(found.weights)
    return Solution(weights, None, None, found.status, found.objective, None, None)


def _from_estimate(found: Estimate, bounds: NDArray[np.float64]) -> Solution:
    known = found.residuals[~np.isnan(found.residuals)]
    fitting = fits(unsupported=found.unsupported, unexplained=found.unexplained)
    return Solution(
        weights=found.weights,
        intervals=bounds if fitting else None,
        covariance=found.covariance * INFLATION**2 if fitting else None,
        status="converged" if found.converged else "not converged",
        objective=float(np.mean(known**2)) if len(known) else 0.0,
        unexplained=found.unexplained,
        missing=found.missing,
    )
