"""Reports and comparisons as one HTML file each: no network, no dates, the same bytes again.

Read `rendering` and `comparison`; `payload` and the modules named `…_data` are what the page's own
tokenizer runs on, and `markup`, `tables`, `charts` and `findings` are pieces of HTML.
"""

from __future__ import annotations

from tokkit.audit.page.rendering import render_page

__all__ = ["render_page"]
