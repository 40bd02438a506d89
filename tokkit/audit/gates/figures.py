"""Figures of a report by name, for gates.

`section.fact` names a fact. `section.table.row.column` names a cell, where `row` is what the row
begins with. A name may leave out the section where that is not ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokkit.audit.report import AuditReport
from tokkit.errors import ArgumentError
from tokkit.report.section import Scalar

_SHOWN = 8


def figure(report: AuditReport, key: str) -> float:
    """The number called `key`.

    Raises:
        ArgumentError: no such figure, several, or not a number.
    """
    found = [
        (name, value)
        for name, value in _figures(report)
        if name == key or name.partition(".")[2] == key
    ]
    if not found:
        raise ArgumentError(f"no figure {key!r} in this audit{_hint(report, key)}")
    if len(found) > 1:
        names = ", ".join(name for name, _ in found[:_SHOWN])
        raise ArgumentError(f"{key!r} could be any of {names}; give one of them in full")
    name, value = found[0]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ArgumentError(f"the figure {name!r} is {value!r}, which is not a number")
    return value


def _figures(report: AuditReport) -> Iterator[tuple[str, Scalar]]:
    for section in report.sections:
        for fact in section.facts:
            yield f"{section.key}.{fact.key}", fact.value
        for table in section.tables:
            for row in table.rows:
                for column, cell in zip(table.columns[1:], row[1:], strict=True):
                    yield f"{section.key}.{table.key}.{row[0]}.{column.key}", cell


def _hint(report: AuditReport, key: str) -> str:
    """Figures whose names share the most, or a few of those that there are."""
    words = set(key.replace(".", "_").split("_"))
    numbers = [
        name
        for name, value in _figures(report)
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    numbers.sort(key=lambda name: -len(words & set(name.replace(".", "_").split("_"))))
    return f"; there are {', '.join(numbers[:_SHOWN])}, …" if numbers else ", which has none"
