"""`MixtureResult`: inferred shares, and the ways to write them down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tokkit.mixture.inferred import InferredMixture
from tokkit.mixture.judging.groups import group_shares
from tokkit.mixture.judging.trust import trust_sentences
from tokkit.mixture.outputs.json_result import result_dict
from tokkit.mixture.outputs.page import render_mixture_page
from tokkit.mixture.outputs.terminal import result_text
from tokkit.report.json_data import json_text
from tokkit.report.page.notebook import notebook_html


class MixtureResult(InferredMixture):
    """The mixture that a tokenizer's merges speak for; printed, it is a table with bars."""

    def __repr__(self) -> str:
        largest = sorted(self.proportions.items(), key=lambda item: -item[1])[:3]
        shares = ", ".join(f"{name} {share:.1%}" for name, share in largest)
        more = ", ..." if len(self.proportions) > len(largest) else ""
        fits = "fits" if self.fits else "does not fit"
        fits = "a category seems to be missing" if self.fits and self.seems_incomplete else fits
        return f"MixtureResult({self.tokenizer!r}: {shares}{more}; {fits})"

    def _repr_html_(self) -> str:
        return notebook_html(self.to_html(), f"training mixture of {self.tokenizer}")

    def with_groups(self, groups: Mapping[str, Sequence[str]]) -> MixtureResult:
        """The same result, which also tells the shares of groups of categories.

        Args:
            groups: group -> names of its categories, or patterns of them (`"code *"`).

        Raises:
            ArgumentError: a pattern that matches no category, or a category in two groups.
        """
        shares = group_shares(
            self.proportions,
            groups,
            covariance=self.covariance,
            level=self.level,
            untold=self.untold,
        )
        return replace(self, groups=shares)

    def trust(self) -> list[str]:
        """How far to trust the numbers, in sentences. Rules of thumb, not a measurement."""
        return trust_sentences(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return result_dict(self)

    def to_json(self) -> str:
        """`to_dict` as JSON; equal results give equal texts."""
        return json_text(result_dict(self))

    def to_html(self) -> str:
        """A page that needs nothing else: see `tokkit.mixture.outputs.page`."""
        return render_mixture_page(self)

    def __str__(self) -> str:
        """A table with bars: solid up to the lower end of the interval, shaded up to the upper."""
        return result_text(self)
