"""`render_mixture_page`: an `InferredMixture` as a page of `tokkit.report.page`."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from tokkit.mixture.inferred import InferredMixture, percent, share_bar
from tokkit.mixture.judging.diagnostics import Disagreement
from tokkit.mixture.judging.trust import trust_sentences
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import (
    Bar,
    Chart,
    Column,
    Fact,
    Scalar,
    Section,
    Series,
    Table,
    bar_chart,
    columns,
)  # fmt: skip
from tokkit.report.wording import plural, readable, size, visible

_REACH = 2.0
"""The picture of the residuals goes from a hundredth to a hundred times what is expected."""
_LABEL = 32
"""Characters of a name above its bar, so that they and the figure stand in a line of a phone."""
_METHODS = {
    "default": "fitted to all merges",
    "linear-program": "the linear program of the paper, without intervals",
}
_STATUSES = {
    "converged": "settled",
    "not converged": "not settled",
    "optimal": "settled",
    "rounds": "stopped before it had settled",
}


def render_mixture_page(result: InferredMixture) -> str:
    """The file's content, for UTF-8. Equal results give equal strings."""
    verdict, error, forced = trust_sentences(result)
    return render(
        Page(
            brand="mixture",
            kicker="Training mixture",
            name=result.tokenizer,
            description=_description(result),
            verdict=verdict,
            headline=_headline(result),
            sections=[_shares(result, f"{error} {forced}"), _fit(result), _disagreements(result)],
            note="Shares are of bytes, inferred from the order of a tokenizer's merges and from "
            "samples of each category.",
            warnings=result.warnings,
        )
    )


def _description(result: InferredMixture) -> str:
    names = plural(len(result.categories), "category", "categories")
    samples = size(sum(result.sample_bytes.values()))
    method = _METHODS.get(result.method, result.method)
    return f"{names} · {samples} of samples · {method}, {_STATUSES.get(result.status)}"


def _headline(result: InferredMixture) -> list[Fact]:
    facts = [
        Fact("merges", "Merges used", result.n_merges,
             help="A merge joins what was the most frequent pair when it was made; their order "
             "tells which text there was most of."),
        Fact("misfit", "Typical misfit", round(result.misfit, 2), "times",
             help="Half of the merged pairs are so much more or less frequent in the mixture than "
             "their place in the order says, or worse. 1 is a perfect fit."),
        Fact("unsupported", "Merges without support", percent(result.unsupported), "%",
             help="Their pairs stand in no sample: it is too small, or a category is missing."),
    ]  # fmt: skip
    if result.unexplained is not None:
        facts.append(
            Fact("unexplained", "Unexplained, roughly", percent(result.unexplained), "%",
                 help="The part of the training data that looks like no category.")
        )  # fmt: skip
    if result.missing is not None:
        facts.append(
            Fact("missing", "Is a category missing?", str(result.missing),
                 help=f"{result.missing.n_lacking:,} of {result.missing.n_tested:,} early merges "
                 "join pairs that the samples hardly hold. How probable so many are if every "
                 "category is there: below 0.05 one is missing, or samples are of another kind "
                 "than the training text.")
        )  # fmt: skip
    if result.inherited is not None:
        facts.append(
            Fact("inherited", "Merges taken over", result.inherited.n_merges,
                 help=f"From {result.inherited.source}; they are left out.")
        )  # fmt: skip
    return facts


# -- shares ----------------------------------------------------------------------------------


def _shares(result: InferredMixture, summary: str) -> Section:
    shown, hidden = result.notable()
    bars = result.bars(shown)
    groups = [share_bar(name, each.share, each.interval) for name, each in result.groups.items()]
    further = (
        *columns("number", limit="At most, %", sample="Sample, MB"),
        Column("ruled_out", "Ruled out"),
    )
    rows = [
        (percent(result.limits[name]), round(result.sample_bytes[name] / 1e6, 2),
         "†" if name in result.ruled_out else "")
        for name in shown
    ]  # fmt: skip
    members = [(len(each.categories),) for each in result.groups.values()]
    tables = [
        _table("groups", "Group", groups, columns("number", n="Categories"), members),
        _table("categories", "Category", bars, further, rows, _note(result, hidden)),
    ]
    told = [bar for bar in bars if bar[0] not in result.untold]
    charts = [
        _chart("group_shares", "Shares of groups", groups, (), "groups"),
        _chart("shares", "Shares of categories", told, result.ruled_out, "categories"),
    ]
    # One axis for all, so that bars of both charts can be compared.
    reach = max(max(share, *(ends or ())) if ends else share for _, share, ends in [*groups, *bars])
    return Section(
        "shares", "Shares" if result.fits else "Shares, not to be used", summary,
        tables=tuple(table for table in tables if table.rows),
        charts=tuple(
            replace(chart, reach=reach, is_muted=not result.fits)
            for chart in charts if chart.labels
        ),
    )  # fmt: skip


def _table(
    key: str,
    of: str,
    bars: Sequence[Bar],
    further: tuple[Column, ...],
    cells: Sequence[tuple[Scalar, ...]],
    note: str = "",
) -> Table:
    """Names with their shares, intervals if they have them, and further cells."""
    ends = (
        columns("number", low="from", high="to") if any(interval for *_, interval in bars) else ()
    )
    heads = (Column("name", of), *columns("number", share="Share, %"), *ends, *further)
    rows = tuple(
        (name, share, *(interval or ()), *more)
        for (name, share, interval), more in zip(bars, cells, strict=True)
    )
    return Table(key, key.capitalize(), heads, rows, note)


def _note(result: InferredMixture, hidden: Sequence[str]) -> str:
    """What the table leaves out, and what its columns mean."""
    total = sum(result.proportions[name] for name in hidden)
    untold = ", ".join(result.untold)
    sentences = (
        f"And {len(hidden)} more, together {total:.1%}." if hidden else "",
        f"Nothing is told of {untold}. Shares are of the rest." if untold else "",
        f"Between “from” and “to” a share lies in {result.level:.0%} of such inferences."
        if result.intervals is not None
        else "",
        "With more than “at most”, frequent pairs of the sample would have been merged earlier.",
        "† ruled out by that." if result.ruled_out else "",
    )
    return " ".join(filter(None, sentences))


def _chart(
    key: str, title: str, bars: Sequence[Bar], ruled_out: Collection[str], table: str
) -> Chart:
    marked = [
        (visible(name, _LABEL) + (" †" if name in ruled_out else ""), share, interval)
        for name, share, interval in bars
    ]
    return bar_chart(key, title, "share", marked, "% of bytes", table=table)


# -- fit and disagreements -------------------------------------------------------------------


def _fit(result: InferredMixture) -> Section:
    bins = result.residual_bins()
    labels = tuple(f"{each.first:,}" for each in bins)
    medians = tuple(_factor(each.median) for each in bins)
    ranges = tuple((_factor(each.low), _factor(each.high)) for each in bins)
    missing = tuple(percent(each.unsupported) for each in bins)
    charts = (
        Chart("residuals", "How frequent the merged pairs are, over what their place says", "curve",
              labels, (Series("median", medians, ranges),), "merge", "times expected", True),
        Chart("missing", "Merges whose pair stands in no sample", "histogram",
              labels, (Series("share", missing),), "merge", "% of merges"),
    )  # fmt: skip
    summary = (
        "Training merges the most frequent pair first, so that pairs grow rarer along the list. In "
        "the inferred mixture they should, too: 1 is a perfect fit. The band holds four in five."
    )
    return Section("fit", "Fit along the merge list", summary, charts=charts)


def _factor(residual: float | None) -> float:
    if residual is None:
        return math.nan
    return float(f"{10 ** min(_REACH, max(-_REACH, residual)):.3g}")


def _disagreements(result: InferredMixture) -> Section:
    found = result.diagnosis
    tables = (
        _pairs("too_rare", "Rarer in the samples than their place says", found.too_rare, result),
        _pairs("too_frequent", "More frequent in the samples than their place says",
               found.too_frequent, result),
        _pairs("never_merged", "Frequent in the samples, never merged", found.never_merged, result),
    )  # fmt: skip
    tables = tuple(table for table in tables if table.rows)
    summary = (
        "Pairs by which the samples differ most from the training data."
        if tables
        else "None by more than a factor of two."
    )
    return Section("disagreements", "Merges that disagree", summary, tables=tables)


def _pairs(key: str, title: str, pairs: Sequence[Disagreement], result: InferredMixture) -> Table:
    heads = (
        *columns("code", left="Left", right="Right"),
        *columns("number", merge="Merge", factor="Times expected"),
        Column("category", "Mostly in"),
    )
    named = {None: "none", **dict(enumerate(result.categories))}
    rows = tuple(
        (readable(p.left), readable(p.right), p.step, float(f"{p.factor:.3g}"), named[p.category])
        for p in pairs
    )
    return Table(key, title, heads, rows)
