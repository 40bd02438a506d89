"""Reports and comparisons as one HTML file each: no network, no dates, the same bytes again.

Read `rendering` and `comparison`, which fill pages of `tokkit.report.page`. `findings` and
`summary` make pieces of HTML; `payload` and the modules named `…_data` make what the page's own
tokenizer runs on.
"""

from __future__ import annotations

from tokkit.audit.page.rendering import render_page

__all__ = ["render_page"]
