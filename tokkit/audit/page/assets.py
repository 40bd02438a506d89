"""The page's own files: template, styles, scripts. Scripts are parts of one closure, in order."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

ENGINE = ("streams", "vocabulary", "scanner", "normalizer", "models", "tokenizer")
"""The tokenizer, which needs no page around it."""

VIEWS = (
    "elements", "visible", "theme", "tables", "scripts_of_unicode", "pixel_map", "merge_tree",
    "entry", "search", "explorer", "live", "main",
)  # fmt: skip
"""What is shown and asked."""

STYLES = ("colors", "layout", "figures", "findings", "charts", "explorer", "live")


@lru_cache(maxsize=64)
def asset(name: str) -> str:
    """The text of a file beside this module."""
    return files("tokkit.audit.page").joinpath(name).read_text(encoding="utf-8")


def engine_source() -> str:
    """The tokenizer in JavaScript: classes `Streams`, `Vocabulary`, `Tokenizer`."""
    return "\n".join(asset(f"scripts/{name}.js") for name in ENGINE)


def page_source() -> str:
    """The whole script of the page."""
    views = "\n".join(asset(f"scripts/{name}.js") for name in VIEWS)
    return f'"use strict";\n(() => {{\n{engine_source()}\n{views}\n}})();\n'


def stylesheet() -> str:
    """The styles of the page."""
    return "\n".join(asset(f"styles/{name}.css") for name in STYLES)
