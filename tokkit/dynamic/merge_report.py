"""What merging a batch did, for people and for scripts: sections, a page, JSON."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from tokkit.dynamic.merged_sequences import MergedSequences
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Chart, Column, Fact, Section, Series, Table, columns
from tokkit.report.wording import plural, readable

_POINTS = 200
"""Of a curve, at most."""
_ROWS = 50
"""Of the table of merges, at most."""


def merge_sections(batch: MergedSequences) -> list[Section]:
    """The figures, how they came about merge by merge, and which merges saved most."""
    return [_lengths(batch), _course(batch), _merges(batch)]


def render_merge_page(batch: MergedSequences, name: str) -> str:
    """A page as a string, for UTF-8; equal batches give equal strings."""
    return render(
        Page(
            brand="merge",
            kicker="Merged batch",
            name=name,
            description=f"{plural(len(batch.sequences), 'sequence')} · {batch.n_original:,} tokens",
            verdict=_verdict(batch),
            headline=_facts(batch),
            sections=merge_sections(batch),
            note="What is frequent in one batch need not be in another.",
        )
    )


def merge_data(batch: MergedSequences) -> dict[str, Any]:
    """The batch for JSON: figures, merges in order, and the merged sequences."""
    merges = [
        {
            "left": left,
            "right": right,
            "id": result,
            "count": count,
            "removed": removed,
            "bytes_hex": batch.token_bytes(result).hex(),
            "original_ids": list(batch.original_ids(result)),
        }
        for (left, right), result, count, removed in zip(
            batch.merges, batch.results, batch.counts, batch.removed, strict=True
        )
    ]
    return {
        **{fact.key: fact.value for fact in _facts(batch)},
        "n_original": batch.n_original,
        "n_ids": batch.n_ids,
        "vocab_size": batch.vocab_size,
        "merges": merges,
        "sequences": [ids.tolist() for ids in batch.sequences],
    }


def _verdict(batch: MergedSequences) -> str:
    if not batch.merges:
        return (
            "Nothing was merged: no pair of tokens that may be merged stood often enough. Pairs of "
            "two words may be with within_words=False (--across-words)."
        )
    return (
        f"{plural(len(batch.merges), 'merge')} made the batch {batch.reduction:.1%} shorter, from "
        f"{batch.n_original:,} to {batch.n_ids:,} tokens."
    )


def _facts(batch: MergedSequences) -> list[Fact]:
    n_new = batch.vocab_size - batch.tokenizer.vocab_size
    before, after = _padded(batch)
    return [
        Fact("reduction", "Shorter by", round(100 * batch.reduction, 2), "%",
             help="The share of the tokens that merging saved."),
        Fact("padded_reduction", "Padded, shorter by",
             round(100 * (1 - after / before), 2) if before else 0.0, "%",
             help="The same with every sequence as long as the longest, as a model reads it."),
        Fact("n_merges", "Merges", len(batch.merges)),
        Fact("n_new", "New strings", n_new,
             help="Merged strings that are no tokens of the vocabulary."),
    ]  # fmt: skip


def _padded(batch: MergedSequences) -> tuple[int, int]:
    """Tokens before and after, padding included."""
    n = len(batch.sequences)
    return (
        n * max(map(len, batch.originals), default=0),
        n * max(map(len, batch.sequences), default=0),
    )


def _lengths(batch: MergedSequences) -> Section:
    heads = (Column("what", ""), *columns("number", before="Before", after="After"))
    before, after = _padded(batch)
    rows = (
        ("tokens", batch.n_original, batch.n_ids),
        ("with padding", before, after),
        ("longest sequence", *(max(map(len, ids), default=0)
                               for ids in (batch.originals, batch.sequences))),
        ("vocabulary", batch.tokenizer.vocab_size, batch.vocab_size),
    )  # fmt: skip
    return Section(
        "lengths", "Lengths", _verdict(batch), tables=(Table("lengths", "Lengths", heads, rows),)
    )


def _course(batch: MergedSequences) -> Section:
    n = len(batch.merges)
    n_points = min(n, _POINTS)
    places = [n * k // max(1, n_points) for k in range(n_points + 1)]
    saved = [0, *accumulate(batch.removed)]
    shares = tuple(round(100 * saved[k] / max(1, batch.n_original), 3) for k in places)
    counts = [*map(float, batch.counts), float("nan")]
    labels = tuple(f"{place:,}" for place in places)
    charts = (
        Chart("reduction", "How much shorter the batch is after so many merges", "curve", labels,
              (Series("reduction", shares),),
              "merges", "% of the tokens"),
        Chart("counts", "How often the next pair stands in the batch", "curve", labels,
              (Series("count", tuple(counts[k] for k in places)),),
              "merges", "places", True),
    )  # fmt: skip
    summary = "The most frequent pair is merged first, so that each merge saves less." if n else ""
    return Section("course", "Merge by merge", summary, charts=charts if n else ())


def _merges(batch: MergedSequences) -> Section:
    order = sorted(range(len(batch.merges)), key=lambda k: (-batch.removed[k], k))[:_ROWS]
    heads = (
        *columns("number", merge="Merge", id="Id"),
        *columns("code", left="Left", right="Right"),
        *columns("number", count="Stood", removed="Saved"),
    )
    rows = tuple(
        (
            k + 1,
            batch.results[k],
            *(readable(batch.token_bytes(part)) for part in batch.merges[k]),
            batch.counts[k],
            batch.removed[k],
        )
        for k in order
    )
    note = f"The {_ROWS} that saved most, of {len(batch.merges):,}." if len(rows) == _ROWS else ""
    tables = (Table("merges", "Merges", heads, rows, note),) if rows else ()
    return Section("merges", "Merges that saved most", "", tables=tables)
