"""Whether all figures of a report can be asked for from the command line."""

from __future__ import annotations

from collections.abc import Iterable

from tokkit.audit.gates.known_figures import FACTS, TABLES
from tokkit.report.section import Section


def assert_figures_known(sections: Iterable[Section]) -> None:
    """Facts and cells are among `known_figures`, by which a misspelt bound is told at once."""
    for section in sections:
        for fact in section.facts:
            assert fact.key in FACTS[section.key]
        for table in section.tables:
            known = TABLES[section.key][table.key]
            assert {column.key for column in table.columns[1:]} <= set(known)
