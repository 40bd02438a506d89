"""`render_comparison_page`: a comparison as a page of `tokkit.report.page`."""

from __future__ import annotations

from tokkit.audit.comparing.figures import Comparison, TokenizerFigures
from tokkit.audit.comparing.sections import comparison_sections, left_out, verdict
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Fact
from tokkit.report.wording import listed, plural, size

_NAMES_SHOWN = 4


def render_comparison_page(found: Comparison) -> str:
    """The file's content, for UTF-8. All but the speeds is the same for equal comparisons."""
    kinds = [each.name for each in found.file_types]
    return render(
        Page(
            brand="compare",
            kicker="Tokenizers side by side",
            name=" · ".join(
                [*found.names[:_NAMES_SHOWN], *("…" for _ in found.names[_NAMES_SHOWN:])]
            ),
            description=" · ".join(
                [
                    plural(len(found.names), "tokenizer"),
                    f"{size(found.n_bytes)} of text",
                    listed(kinds, _NAMES_SHOWN),
                    *left_out(found),
                ]
            ),
            verdict=verdict(found),
            headline=[_fact(k, each) for k, each in enumerate(found.tokenizers)],
            sections=comparison_sections(found),
            note="Tokens are those of canonical tokenization, without control tokens.",
            is_repeatable=False,
        )
    )


def _fact(place: int, each: TokenizerFigures) -> Fact:
    """Bytes a token of one tokenizer, with its tokens."""
    cost = "" if each.cost is None else f" They cost {each.cost:.4g}."
    return Fact(
        f"bytes_per_token_{place}", each.name, each.bytes_per_token.value, "bytes a token",
        each.bytes_per_token.interval, f"{plural(each.n_tokens, 'token')} for these texts.{cost}",
    )  # fmt: skip
