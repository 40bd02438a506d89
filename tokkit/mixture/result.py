"""`MixtureResult`: inferred shares, with all that is needed to judge them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.mixture.diagnostics import Diagnosis, Disagreement
from tokkit.mixture.inheritance import Inheritance

N_BINS = 60
_BAR_WIDTH = 32


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
class MixtureResult:
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
        n_merges: merges that were looked at, after what was inherited.
        inherited: what was left out because it comes from another tokenizer, if anything.
        sample_bytes: category -> bytes of its sample.
        warnings: what speaks against the numbers.
        diagnosis: which merges disagree.
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
    n_merges: int
    inherited: Inheritance | None
    sample_bytes: Mapping[str, int]
    warnings: tuple[str, ...]
    diagnosis: Diagnosis

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

    def trust(self) -> list[str]:
        """How far to trust the numbers, in sentences. Rules of thumb, not a measurement."""
        return _trust(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        names = self.categories
        return {
            "tokenizer": self.tokenizer,
            "method": self.method,
            "unit": "bytes",
            "categories": [
                {
                    "name": name,
                    "proportion": self.proportions[name],
                    "interval": None if self.intervals is None else list(self.intervals[name]),
                    "sample_bytes": self.sample_bytes[name],
                }
                for name in names
            ],
            "level": self.level,
            "status": self.status,
            "objective": self.objective,
            "unexplained": self.unexplained,
            "unsupported": self.unsupported,
            "misfit": self.misfit,
            "n_merges": self.n_merges,
            "inherited": _inherited_dict(self.inherited),
            "warnings": list(self.warnings),
            "trust": self.trust(),
            "residuals": [vars(each).copy() for each in self.residual_bins()],
            "disagreements": {
                "too_rare_in_samples": _listed(self.diagnosis.too_rare, names),
                "too_frequent_in_samples": _listed(self.diagnosis.too_frequent, names),
                "never_merged": _listed(self.diagnosis.never_merged, names),
            },
        }

    def to_json(self) -> str:
        """`to_dict` as JSON; equal results give equal texts."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2, allow_nan=False)

    def to_html(self) -> str:
        """A page that needs nothing else: see `tokkit.mixture.report`."""
        from tokkit.mixture.report import render_report

        return render_report(self)

    def __str__(self) -> str:
        """A table with bars: solid up to the lower end of the interval, shaded up to the upper."""
        width = max(map(len, self.categories))
        top = max(high for _, high in map(self.bounds, self.categories))
        interval = f"{self.level:.0%} interval" if self.intervals is not None else ""
        lines = [f"{'':<{width}}   share  {interval:^16}".rstrip()]
        for name in self.ranked():
            low, high = self.bounds(name)
            solid, end = (round(_BAR_WIDTH * x / top) for x in (low, high))
            bar = "█" * solid + "▒" * (end - solid)
            between = f"  {low:6.1%} to {high:6.1%}" if self.intervals is not None else ""
            lines.append(f"{name:<{width}}  {self.proportions[name]:6.1%}{between}  {bar}".rstrip())
        return "\n".join(lines)

    def bounds(self, name: str) -> tuple[float, float]:
        """The interval of a category, or twice its share if there is none."""
        if self.intervals is None:
            return self.proportions[name], self.proportions[name]
        return self.intervals[name]


def printable(text: bytes) -> str:
    """Bytes for a reader: spaces as U+2423, control characters and invalid bytes escaped."""
    shown: list[str] = []
    for char in text.decode(errors="backslashreplace"):
        if char == " ":
            shown.append("␣")
        else:
            shown.append(char if char.isprintable() else repr(char)[1:-1])
    return "".join(shown)


def _listed(pairs: tuple[Disagreement, ...], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "step": each.step,
            "left": printable(each.left),
            "right": printable(each.right),
            "factor": each.factor,
            "category": None if each.category is None else names[each.category],
        }
        for each in pairs
    ]


def _inherited_dict(inherited: Inheritance | None) -> dict[str, Any] | None:
    return None if inherited is None else vars(inherited).copy()


def _trust(result: MixtureResult) -> list[str]:
    doubts = [
        f"{result.unsupported:.1%} of the merges join pairs that no sample holds"
        if result.unsupported > 0.05
        else "",
        f"about {result.unexplained:.0%} of the training data looks like none of the categories"
        if result.unexplained is not None and result.unexplained > 0.05
        else "",
        f"half of the merges are off by a factor of {result.misfit:.1f} or more"
        if result.misfit > 1.3
        else "",
        "the estimator did not settle" if result.status in ("not converged", "rounds") else "",
        "some samples are small" if min(result.sample_bytes.values()) < 100_000 else "",
        "few merges could be used" if result.n_merges < 1000 else "",
    ]
    doubts = [doubt for doubt in doubts if doubt]
    grave = (
        result.unsupported > 0.2
        or result.misfit > 2
        or (result.unexplained or 0) > 0.2
        or len(doubts) >= 3
    )
    if not doubts:
        verdict = "Nothing in the merges speaks against these shares."
    else:
        start = "Take these shares as a rough guess" if grave else "Take these shares with care"
        verdict = f"{start}: {'; '.join(doubts)}."
    if result.intervals is None:
        error = "The linear program gives no intervals."
    else:
        error = (
            f"The {result.level:.0%} intervals allow for chance within the samples and the merges, "
            "not for samples of another kind than the training text (other sources, other years, "
            "other topics), which may cost several points more."
        )
    span = (
        "Shares are of bytes, and are forced to sum to 100% over the categories given: what is "
        "missing among them is booked under those that resemble it most."
    )
    return [verdict, error, span]
