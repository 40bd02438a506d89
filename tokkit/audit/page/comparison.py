"""`render_diff_page`: a comparison of two tokenizers as one self-contained HTML file."""

from __future__ import annotations

from tokkit.audit.diff.difference import Difference
from tokkit.audit.diff.sections import diff_sections
from tokkit.audit.page.assets import page_source, page_style
from tokkit.audit.page.rendering import NOTE
from tokkit.report.page.rendering import Page, render


def render_diff_page(diff: Difference) -> str:
    """A comparison as a file of the same kind as `tokkit.audit.page.render_page` makes.

    Returns:
        The file's content, for UTF-8. Equal comparisons give equal strings.
    """
    return render(
        Page(
            brand="audit",
            kicker="Tokenizer comparison",
            name=f"{diff.before} → {diff.after}",
            description=_description(diff),
            verdict=_verdict(diff),
            sections=diff_sections(diff),
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
    """One sentence that says whether it matters."""
    if diff.is_same:
        return "Nothing is different: equal tokens, ids, merges and settings."
    if not diff.texts.smallest:
        return "They differ, but every text that was tried is cut alike."
    return "The same text may have other ids: a model of the one cannot read those of the other."
