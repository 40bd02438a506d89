"""`InferredMixture`: shares, with all that is needed to judge them, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tokkit.mixture.estimation.missing import MissingTest
from tokkit.mixture.estimation.share_limits import NOTABLE
from tokkit.mixture.judging.diagnostics import Diagnosis
from tokkit.mixture.judging.groups import GroupShare
from tokkit.mixture.merges.inheritance import Inheritance
from tokkit.report.section import Bar

N_BINS = 60
_MANY = 20
"""More categories than that are shown only if their share is at least `NOTICED`."""
NOTICED = 0.001


def percent(share: float) -> float:
    """A share as it is shown."""
    return round(100 * share, 1)


def share_bar(name: str, share: float, interval: tuple[float, float] | None) -> Bar:
    """A share and its interval, in percent."""
    ends = None if interval is None else (percent(interval[0]), percent(interval[1]))
    return name, percent(share), ends


@dataclass(frozen=True)
class ResidualBin:
    """Some neighbouring merges: how far their pairs' frequency is from what their place says.

    Attributes:
        first: number of the first merge, from 1.
        last: number of the last one.
        low: 10% quantile of log10 (share over expected share) of the merges that have support.
        median: their median.
        high: their 90% quantile. All three are None where no merge has support.
        unsupported: the share of merges whose pair no sample holds.
    """

    first: int
    last: int
    low: float | None
    median: float | None
    high: float | None
    unsupported: float


@dataclass(frozen=True, eq=False)
class InferredMixture:
    """The mixture that a tokenizer's merges speak for. Shares are of bytes, and sum to 1.

    Attributes:
        tokenizer: its name.
        method: `"default"` or `"linear-program"`.
        proportions: category -> share, in the order of the samples.
        intervals: category -> lower and upper end; None for the linear program, which has none.
        level: nominal coverage of each interval.
        status: `"converged"` or `"not converged"`; of the linear program `"optimal"` or `"rounds"`
            (rows were still violated after the last round).
        objective: of the linear program its value, in shares of pairs; of the default method the
            mean squared residual of the supported merges, in standard errors.
        unexplained: rough share (0 to 1) of the training data that no category explains; None for
            the linear program.
        unsupported: share of the merges whose pair stands in no sample.
        missing: the test that no category is missing; None for the linear program.
        limits: category -> the largest share that its pairs which were never merged allow, roughly;
            see `tokkit.mixture.estimation.share_limits`.
        covariance: float64 (c, c), of the logarithms of the shares, as the intervals have it; None
            where there are none.
        n_merges: merges that were looked at, after what was inherited.
        inherited: what was left out because it comes from another tokenizer, if anything.
        sample_bytes: category -> bytes of its sample.
        warnings: what speaks against the numbers.
        diagnosis: which merges disagree.
        groups: shares of several categories together, if asked for; see
            `MixtureResult.with_groups`.
        untold: categories that the merges say nothing of (`tokkit.mixture.merges.reach`). Their
            proportion is 0 and their interval 0 to 1; proportions of the others are of what is told
            of.
    """

    tokenizer: str
    method: str
    proportions: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]] | None
    level: float
    status: str
    objective: float
    unexplained: float | None
    unsupported: float
    limits: Mapping[str, float]
    covariance: NDArray[np.float64] | None
    n_merges: int
    inherited: Inheritance | None
    sample_bytes: Mapping[str, int]
    warnings: tuple[str, ...]
    diagnosis: Diagnosis
    groups: Mapping[str, GroupShare] = field(default_factory=dict[str, GroupShare])
    untold: tuple[str, ...] = ()
    missing: MissingTest | None = None

    @property
    def fits(self) -> bool:
        """Whether the merges fit a mixture of these categories; if not, do not use the shares.

        That some text fits no category shows in `seems_incomplete` long before.
        """
        return self.intervals is not None or self.method != "default"

    @property
    def seems_incomplete(self) -> bool:
        """Whether the test says that a category is missing, or that samples are of another kind.

        Intervals do not hold then: what is missing is booked under what resembles it.
        """
        return self.missing is not None and self.missing.is_rejected

    @property
    def ruled_out(self) -> tuple[str, ...]:
        """Categories whose share is 0.5% or more and above its limit, largest share first."""
        return tuple(
            name
            for name in self.ranked()
            if self.proportions[name] >= NOTABLE and self.proportions[name] > self.limits[name]
        )

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories, in the order of the samples."""
        return tuple(self.proportions)

    @property
    def residuals(self) -> NDArray[np.float64]:
        """float64 (n_merges,): see `Diagnosis.residuals`."""
        return self.diagnosis.residuals

    @property
    def misfit(self) -> float:
        """The factor by which half of the supported merges are off, or more; 1 is a perfect fit."""
        known = np.abs(self.residuals[~np.isnan(self.residuals)])
        return 10.0 ** float(np.median(known)) if len(known) else 1.0

    def ranked(self) -> list[str]:
        """The categories, largest share first."""
        return sorted(self.proportions, key=lambda name: (-self.proportions[name], name))

    def residual_bins(self, n_bins: int = N_BINS) -> list[ResidualBin]:
        """The residuals along the merge list, in at most `n_bins` stretches of equal length."""
        start = self.inherited.n_merges if self.inherited else 0
        edges = np.unique(np.linspace(0, self.n_merges, n_bins + 1).astype(np.int64)).tolist()
        bins: list[ResidualBin] = []
        for a, b in pairwise(edges):
            values = self.residuals[a:b]
            known = values[~np.isnan(values)]
            low, median, high = (
                np.quantile(known, [0.1, 0.5, 0.9]).tolist() if len(known) else (None,) * 3
            )
            share = 1 - len(known) / len(values)
            bins.append(ResidualBin(start + a + 1, start + b, low, median, high, share))
        return bins

    def notable(self) -> tuple[list[str], list[str]]:
        """The categories to show and those to sum up, largest share first.

        Of many categories only those with a share of 0.1% are shown, and the largest.
        """
        ranked = self.ranked()
        if len(ranked) <= _MANY:
            return ranked, []
        n = max(1, sum(share >= NOTICED for share in self.proportions.values()))
        return ranked[:n], ranked[n:]

    def bars(self, names: Sequence[str]) -> list[Bar]:
        """Some categories with their shares and intervals, in percent."""
        intervals = self.intervals or {}
        return [share_bar(name, self.proportions[name], intervals.get(name)) for name in names]

    def bounds(self, name: str) -> tuple[float, float]:
        """The interval of a category; its share as both ends if there is none."""
        if self.intervals is None:
            return self.proportions[name], self.proportions[name]
        return self.intervals[name]
