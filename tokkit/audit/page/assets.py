"""The audit's own files: a tokenizer in JavaScript, and the views around it."""

from __future__ import annotations

from tokkit.files.shipped import shipped_text
from tokkit.report.page.assets import SCRIPTS, closure, script

ENGINE = ("streams", "vocabulary", "scanner", "normalizer", "models", "tokenizer")
"""The tokenizer, which needs no page around it."""

VIEWS = (
    "elements", "visible", "theme", "tables", "folds", "sections", "scripts_of_unicode",
    "pixel_map", "merge_tree", "entry", "search", "explorer", "live", "main",
)  # fmt: skip
"""What is shown and asked; some are those of every page."""

STYLES = ("explorer", "live")


def audit_asset(name: str) -> str:
    """The text of a file beside this module."""
    return shipped_text(name, "tokkit.audit.page")


def engine_source() -> str:
    """The tokenizer in JavaScript: classes `Streams`, `Vocabulary`, `Tokenizer`."""
    return "\n".join(audit_asset(f"scripts/{name}.js") for name in ENGINE)


def page_source() -> str:
    """The whole script of the page."""
    views = (script(v) if v in SCRIPTS else audit_asset(f"scripts/{v}.js") for v in VIEWS)
    return closure([engine_source(), *views])


def page_style() -> str:
    """What the page's styles have beside those of every page."""
    return "\n".join(audit_asset(f"styles/{name}.css") for name in STYLES)
