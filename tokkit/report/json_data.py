"""Sections as plain data, and JSON text that is the same for equal data."""

from __future__ import annotations

import json
import math
from typing import Any

from tokkit.report.section import Chart, Fact, Scalar, Section, Table


def json_text(value: dict[str, Any]) -> str:
    """A document of its own, for people as well.

    Raises:
        ValueError: it holds a number that is infinite or none.
    """
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def section_data(section: Section) -> dict[str, Any]:
    """Facts, tables and charts of a section."""
    return {
        "key": section.key,
        "title": section.title,
        "summary": section.summary,
        "facts": [_fact(fact) for fact in section.facts],
        "tables": [_table(table) for table in section.tables],
        "charts": [_chart(chart) for chart in section.charts],
    }


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "key": fact.key,
        "label": fact.label,
        "value": _finite(fact.value),
        "unit": fact.unit,
        "interval": None if fact.interval is None else [_finite(end) for end in fact.interval],
        "help": fact.help,
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "key": table.key,
        "title": table.title,
        "columns": [vars(column) for column in table.columns],
        "rows": [[_finite(cell) for cell in row] for row in table.rows],
        "note": table.note,
    }


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "key": chart.key,
        "title": chart.title,
        "kind": chart.kind,
        "labels": list(chart.labels),
        "series": [
            {
                "name": series.name,
                "values": [_finite(value) for value in series.values],
                "intervals": [[_finite(end) for end in pair] for pair in series.intervals],
            }
            for series in chart.series
        ],
        "x_label": chart.x_label,
        "y_label": chart.y_label,
        "log_scale": chart.log_scale,
    }


def _finite(value: Scalar) -> Scalar:
    """JSON has no infinite numbers; they become null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
