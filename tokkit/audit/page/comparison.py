"""`render_diff_page`: a comparison of two tokenizers as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence

from tokkit.audit.diff.difference import Difference
from tokkit.audit.diff.sections import diff_sections
from tokkit.audit.page.assets import page_source, page_style
from tokkit.audit.page.rendering import NOTE
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Fact, Section
from tokkit.report.wording import against

HEADLINES = (
    "own_change_percent", "tokens_change_percent", "texts_different", "same", "added", "removed",
)  # fmt: skip
"""Keys of facts that belong at the top."""


def render_diff_page(diff: Difference) -> str:
    """A comparison as a file of the same kind as `tokkit.audit.page.render_page` makes.

    Returns:
        The file's content, for UTF-8. Equal comparisons give equal strings.
    """
    sections = diff_sections(diff)
    return render(
        Page(
            brand="diff",
            kicker="Tokenizer comparison",
            name=f"{diff.before} → {diff.after}",
            description=_description(diff),
            verdict=_verdict(diff),
            headline=_headline(sections),
            sections=sections,
            note=NOTE,
            style=page_style(),
            script=page_source(),
        )
    )


def _description(diff: Difference) -> str:
    """How much is the same, in a line."""
    tokens = diff.tokens
    return (
        f"{tokens.n_same:,} tokens with the same id · {len(tokens.added):,} added · "
        f"{len(tokens.removed):,} removed · {tokens.n_moved:,} moved"
    )


def _verdict(diff: Difference) -> str:
    """What decides a migration: whether it is one, and what it costs."""
    if diff.is_same:
        return "Nothing is different: equal tokens, ids, merges and settings."
    if not diff.texts.smallest:
        return "They differ, but every text that was tried is cut alike."
    total_before, total_after = diff.totals()
    ratio = total_after / total_before if total_before else 1.0
    told = f"With {diff.after} the sample texts take {against(ratio, 'tokens')}"
    if diff.own is not None and diff.own.before:
        told += f", yours {against(diff.own.after / diff.own.before, 'tokens')}"
    return f"{told}. Texts are cut differently: a model of the one cannot read ids of the other."


def _headline(sections: Sequence[Section]) -> list[Fact]:
    """The changes, and how many texts and tokens they concern."""
    known = {fact.key: fact for section in sections for fact in section.facts}
    return [known[key] for key in HEADLINES if key in known]
