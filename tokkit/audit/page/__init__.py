"""Reports and comparisons as one HTML file each: no network, no dates, the same bytes again."""

from __future__ import annotations

from tokkit.audit.page.rendering import render_page

__all__ = ["render_page"]
