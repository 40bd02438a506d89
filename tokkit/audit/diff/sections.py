"""A diff as sections: the facts and tables that the terminal and the page show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tokkit.audit.comparing.sections import file_type_parts
from tokkit.audit.diff.difference import Difference
from tokkit.audit.diff.merges import Merge, MergeChanges
from tokkit.audit.diff.segmentations import Segmentation
from tokkit.audit.diff.tokens import Token
from tokkit.report.section import Column, Fact, Scalar, Section, Table, bar_chart, columns
from tokkit.report.wording import against, readable, size, visible

MAX_ROWS = 500

_MAX_BARS = 60


def diff_sections(diff: Difference, *, max_rows: int = MAX_ROWS) -> tuple[Section, ...]:
    """What is different, part by part: first what decides a migration, then what explains it.

    Args:
        diff: what to show.
        max_rows: of each table; the JSON has all.
    """
    parts = (
        _own(diff), _costs(diff), _texts(diff), _settings(diff), _tokens(diff), _merges(diff.merges)
    )  # fmt: skip
    return tuple(_cut(part, max_rows) for part in parts if part is not None)


def _cut(section: Section, max_rows: int) -> Section:
    """Without empty tables, and with the first rows of the others."""
    tables = tuple(_cut_table(table, max_rows) for table in section.tables if table.rows)
    return replace(section, tables=tables)


def _cut_table(table: Table, max_rows: int) -> Table:
    n = len(table.rows)
    if n <= max_rows:
        return table
    note = f"The first {max_rows} of {n:,}; the JSON has all. {table.note}".strip()
    return replace(table, rows=table.rows[:max_rows], note=note)


def _own(diff: Difference) -> Section | None:
    """What the user's texts cost, if some were given."""
    own = diff.own
    if own is None:
        return None
    ends = own.ratio.interval
    summary = (
        f"{size(own.n_bytes)} of yours take {own.before:,} tokens with {diff.before} and "
        f"{own.after:,} with {diff.after}: {against(own.ratio.value, 'tokens')}."
    )
    interval = None if ends is None else (_percent(ends[0]), _percent(ends[1]))
    facts = (
        Fact("own_before", f"Tokens, {diff.before}", own.before),
        Fact("own_after", f"Tokens, {diff.after}", own.after),
        Fact("own_change_percent", "Tokens of your texts", _percent(own.ratio.value), "%", interval,
             f"More (or, below 0, fewer) with {diff.after}."),
    )  # fmt: skip
    table, chart = file_type_parts([diff.before, diff.after], own.file_types)
    return Section("own", "Your texts", summary, facts, (table,), (chart,))


def _tokens(diff: Difference) -> Section:
    tokens = diff.tokens
    n_added, n_removed, n_moved = len(tokens.added), len(tokens.removed), tokens.n_moved
    if n_added or n_removed or n_moved:
        summary = (
            f"{n_added:,} tokens were added, {n_removed:,} removed; {n_moved:,} have another id, "
            f"{tokens.n_same:,} the same."
        )
    else:
        summary = f"All {tokens.n_same:,} tokens are the same and have the same ids."
    heads = (Column("id", "Id", "number"), Column("kind", "Kind"), Column("token", "Token", "code"))
    moves = columns("number", first="From id", last="to id", offset="by", tokens="Tokens")
    moved = tuple((m.first, m.last, m.offset, m.n_tokens) for m in tokens.moved)
    tables = (
        Table("added", "Tokens added", heads, _token_rows(tokens.added)),
        Table("removed", "Tokens removed", heads, _token_rows(tokens.removed)),
        Table("moved", "Ids that moved", moves, moved),
    )
    facts = (
        Fact("added", "Tokens added", n_added),
        Fact("removed", "Tokens removed", n_removed),
        Fact("moved", "Tokens moved", n_moved, help="The same token with another id."),
        Fact("same", "Tokens with the same id", tokens.n_same),
    )
    return Section("vocabulary", "Vocabulary", summary, facts, tables)


def _token_rows(tokens: Sequence[Token]) -> tuple[tuple[Scalar, ...], ...]:
    return tuple((each.id, each.kind, readable(each.data)) for each in tokens)


def _merges(merges: MergeChanges | None) -> Section | None:
    if merges is None:
        return None
    n_added, n_removed = len(merges.added), len(merges.removed)
    if n_added or n_removed or merges.n_reordered:
        summary = (
            f"{n_added:,} merges were added and {n_removed:,} removed; of the {merges.n_kept:,} in "
            f"both, {merges.n_reordered:,} stand in another order."
        )
    else:
        summary = f"All {merges.n_kept:,} merges are the same, in the same order."
    facts = (
        Fact("merges_added", "Added", n_added, "merges"),
        Fact("merges_removed", "Removed", n_removed, "merges"),
        Fact("merges_reordered", "Reordered", merges.n_reordered, "merges",
             help="The fewest that must be moved to get from one order to the other."),
    )  # fmt: skip
    tables = (
        _merge_table("merges_added", "Merges added", merges.added),
        _merge_table("merges_removed", "Merges removed", merges.removed),
        _merge_table("merges_reordered", "Merges in another order", merges.reordered),
    )
    return Section("merges", "Merges", summary, facts, tables)


def _merge_table(key: str, title: str, merges: Sequence[Merge]) -> Table:
    rows = tuple((readable(left), readable(right)) for left, right in merges)
    return Table(key, title, columns("code", left="Left", right="Right"), rows)


def _settings(diff: Difference) -> Section:
    n = len(diff.settings)
    summary = f"{n} settings are different." if n else "All settings are the same."
    summary = summary if n != 1 else "One setting is different."
    heads = (Column("setting", "Setting"), *columns("code", before="Before", after="After"))
    rows = tuple((each.name, each.before, each.after) for each in diff.settings)
    tables = (Table("settings", "Settings", heads, rows),)
    return Section("settings", "Settings", summary, tables=tables)


def _texts(diff: Difference) -> Section:
    texts = diff.texts
    n_all, n_different = sum(texts.n_texts.values()), sum(texts.n_different.values())
    summary = f"{n_different:,} of {n_all:,} sample texts are cut differently."
    if not texts.smallest:
        summary = f"All {n_all:,} sample texts are cut alike."
    else:
        summary += f" The smallest text that is: '{visible(texts.smallest[0].text, 60)}'."
    smallest = Table(
        "smallest", "Smallest texts that are cut differently",
        (Column("group", "Found in"),
         *columns("code", text="Text", before="Before", after="After")),
        tuple((t.group, t.text, _cuts(t.before), _cuts(t.after)) for t in texts.smallest),
        "A bar stands between tokens. No single character can be left out of these texts.",
    )  # fmt: skip
    ranked = sorted(texts.n_different.items(), key=lambda each: -each[1] / texts.n_texts[each[0]])
    groups = Table(
        "groups", "Texts that are cut differently",
        (Column("group", "Language or kind"),
         *columns("number", different="Different", texts="Texts")),
        tuple((g, n, texts.n_texts[g]) for g, n in ranked if n),
    )  # fmt: skip
    facts = (
        Fact("texts", "Texts", n_all),
        Fact("texts_different", "Texts cut differently", n_different),
    )
    return Section("segmentations", "Segmentations", summary, facts, (smallest, groups))


def _cuts(segmentation: Segmentation) -> str:
    if segmentation is None:
        return "no encoding"
    return "|".join(map(readable, segmentation))


def _costs(diff: Difference) -> Section:
    total_before, total_after = diff.totals()
    change = 100 * (total_after / total_before - 1) if total_before else 0.0
    changed = [each for each in diff.costs if each.before != each.after]
    if not changed:
        summary = "All texts take as many tokens as before."
    else:
        top = changed[0]
        summary = (
            f"All sample texts together take {against(1 + change / 100, 'tokens')}; the largest "
            f"change is that of {top.name}, {against(top.ratio.value, 'tokens')}."
        )
    heads = (
        *columns("text", code="Code", name="Language or kind"),
        *columns("number", before=f"Tokens, {diff.before}", after=f"Tokens, {diff.after}"),
        *columns("number", change_percent="Change, %", low="from", high="to"),
    )
    rows = tuple(
        (each.code, each.name, each.before, each.after, *map(_percent, (r.value, r.low, r.high)))
        for each in diff.costs
        for r in [each.ratio]
    )
    bars = [each.ratio.bar(each.name) for each in changed[:_MAX_BARS]]
    title, unit = "Tokens of the same texts, after over before", "times the tokens before"
    chart = bar_chart("cost_change", title, "ratio", bars, unit, table="costs")
    facts = (
        Fact("tokens_before", f"Tokens, {diff.before}", total_before),
        Fact("tokens_after", f"Tokens, {diff.after}", total_after),
        Fact(
            "tokens_change_percent",
            "Tokens of the sample texts",
            round(change, 2),
            "%",
            help=f"More (or, below 0, fewer) with {diff.after}.",
        ),
    )
    table = Table("costs", "Cost by language and kind", heads, rows)
    if not changed:
        return Section("costs", "Cost", summary, facts)
    return Section("costs", "Cost", summary, facts, (table,), (chart,))


def _percent(ratio: float) -> float:
    """What it adds."""
    return round(100 * (ratio - 1), 1)
