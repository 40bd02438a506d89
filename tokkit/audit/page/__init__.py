"""The report as one HTML file: no network, no dates, the same bytes on every run."""

from __future__ import annotations

from tokkit.audit.page.rendering import render_page

__all__ = ["render_page"]
