"""A comparison as JSON, version 1: the attributes of `Comparison`, by their names."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, cast

from tokkit.audit.comparing.figures import Comparison
from tokkit.version import VERSION

SCHEMA_VERSION = 1


def comparison_dict(found: Comparison) -> dict[str, Any]:
    """The comparison as plain data; an interval is a list of two, or null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tokkit", "version": VERSION},
        **_plain(asdict(found)),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in cast("tuple[Any, ...]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value
