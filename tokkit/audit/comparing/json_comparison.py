"""A comparison as JSON, version 1: the attributes of `Comparison`, by their names."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tokkit.audit.comparing.figures import Comparison
from tokkit.report.json_data import plain
from tokkit.version import VERSION

SCHEMA_VERSION = 1


def comparison_dict(found: Comparison) -> dict[str, Any]:
    """The comparison as plain data; an interval is a list of two, or null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tokkit", "version": VERSION},
        **plain(asdict(found)),
    }
