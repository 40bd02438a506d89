"""A page inside a notebook: `notebook_html`."""

from __future__ import annotations

from tokkit.report.page.markup import attribute

_HEIGHT = 640


def notebook_html(page: str, title: str) -> str:
    """A frame with a whole page in it, for `_repr_html_`.

    The frame is a document of its own, so that the page's policy holds there: it runs its own
    script, knows nothing of the notebook around it, and connects to nothing.

    Args:
        page: what `tokkit.report.page.rendering.render` gave.
        title: for screen readers.
    """
    return (
        f'<iframe title="{attribute(title)}" sandbox="allow-scripts" srcdoc="{attribute(page)}" '
        f'style="width:100%;height:{_HEIGHT}px;border:0" loading="lazy"></iframe>'
    )
