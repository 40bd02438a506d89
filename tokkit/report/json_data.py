"""Sections as plain data, and JSON text that is the same for equal data."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, replace
from typing import Any, cast

from tokkit.report.section import Section

_HALF_CHARACTERS = re.compile(r"[\ud800-\udfff]")


def json_text(value: dict[str, Any]) -> str:
    """A document of its own, for people as well; UTF-8 can hold it, whatever names of files hold.

    Raises:
        ValueError: it holds a number that is infinite or none.
    """
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    return _HALF_CHARACTERS.sub("\ufffd", text) + "\n"


def section_data(section: Section) -> dict[str, Any]:
    """Facts, tables and charts of a section, by the names of their attributes."""
    data = asdict(replace(section, exhibits=()))
    del data["exhibits"]
    return plain(data)


def plain(value: Any) -> Any:
    """Tuples as lists; numbers that are infinite or none, which JSON does not have, as null."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, tuple):
        return [plain(each) for each in cast("tuple[Any, ...]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value
