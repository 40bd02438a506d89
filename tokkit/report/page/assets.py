"""The family's template, styles and scripts. Scripts are parts of one closure, in order."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from tokkit.files.shipped import shipped_text

STYLES = ("colors", "layout", "figures", "tables", "findings", "charts")
SCRIPTS = ("elements", "theme", "tables", "folds", "sections")
"""What every page does: light or dark, tables sorted, all of their rows shown."""


def asset(name: str) -> str:
    """The text of a file beside this module."""
    return shipped_text(name, "tokkit.report.page")


def closure(sources: Iterable[str]) -> str:
    """One script, whose names nothing else sees."""
    return '"use strict";\n(() => {\n' + "\n".join(sources) + "\n})();\n"


def script(name: str) -> str:
    """One of the family's scripts, to be put into a closure."""
    return asset(f"scripts/{name}.js")


@lru_cache(maxsize=1)
def plain_script() -> str:
    """The script of a page of sections alone."""
    return closure(map(script, (*SCRIPTS, "start")))


def stylesheet(further: str) -> str:
    """The family's styles, and those of a page."""
    return "\n".join([*(asset(f"styles/{name}.css") for name in STYLES), further])
