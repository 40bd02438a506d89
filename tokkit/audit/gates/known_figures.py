"""Which figures a report may have, so that a misspelt bound is told before the audit.

A report has fewer: those of its parts, and of what was found. `tokkit.audit.gates.figures` looks
them up once it is there. Rows of tables depend on the texts, and are not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tokkit.arguments import refuse_unknown
from tokkit.files.shipped import shipped_table

_KNOWN = shipped_table("known_figures.toml", "tokkit.audit.gates")
FACTS: Mapping[str, Sequence[str]] = _KNOWN["facts"]
"""Section -> its facts."""
TABLES: Mapping[str, Mapping[str, Sequence[str]]] = _KNOWN["tables"]
"""Section -> its tables -> their columns behind the first, which names the row."""


def check_figure(name: str) -> None:
    """Refuse the name of a figure that no report has; see `tokkit.audit.gates.figures`.

    Raises:
        ArgumentError: there is no such fact, table or column.
    """
    parts = name.split(".")
    pattern = ".".join([*parts[:-2], "ROW", parts[-1]]) if len(parts) > 2 else name
    known = list(_known(full=True)) + list(_known(full=False))
    for table, columns in _tables():
        # A row may hold dots: all between the table and the column.
        for begin in (table, table.partition(".")[2]):
            if name.startswith(f"{begin}.") and parts[-1] in columns and name.count(".") > 1:
                return
    if name not in known:
        refuse_unknown([pattern], known, what="figure")


def _tables() -> Iterator[tuple[str, Sequence[str]]]:
    for section, tables in TABLES.items():
        for table, columns in tables.items():
            yield f"{section}.{table}", columns


def _known(*, full: bool) -> Iterator[str]:
    for section, facts in FACTS.items():
        yield from (f"{section}.{fact}" if full else fact for fact in facts)
    for table, columns in _tables():
        begin = table if full else table.partition(".")[2]
        yield from (f"{begin}.ROW.{column}" for column in columns)
