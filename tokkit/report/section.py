"""A part of a report as data: facts, tables and charts, which every output shows in its own way.

Figures are rounded where they are made, to what can be trusted, so that equal results give equal
bytes in every output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tokkit.errors import ArgumentError

Scalar = str | int | float | bool | None
CellKind = Literal["text", "number", "token", "code"]
Bar = tuple[str, float, tuple[float, float] | None]
"""Label, value, and its interval, if it has one."""


@dataclass(frozen=True)
class Fact:
    """One figure.

    Attributes:
        key: stable, lower case with underscores and its unit; what JSON and gates call it.
        label: what a reader calls it.
        value: the figure.
        unit: behind the figure: "bytes a token", "%"; or nothing.
        interval: (low, high) at 95%, or None.
        help: what it means, for a reader who has never heard of it.
    """

    key: str
    label: str
    value: Scalar
    unit: str = ""
    interval: tuple[float, float] | None = None
    help: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table; `columns` makes several.

    Attributes:
        key: stable, lower case with underscores.
        label: its heading.
        kind: how its cells are shown: `text`; `number`, aligned at the right; `token`, an id that
            links to its entry on a page that has one; `code`, text in a fixed-width face, with
            controls and spaces made visible.
    """

    key: str
    label: str
    kind: CellKind = "text"


def columns(kind: CellKind, /, **labels: str) -> tuple[Column, ...]:
    """Columns of one kind: key -> heading.

    >>> columns("number", low="from", high="to")[1]
    Column(key='high', label='to', kind='number')
    """
    return tuple(Column(key, label, kind) for key, label in labels.items())


@dataclass(frozen=True)
class Table:
    """Rows of scalars, sorted as they should be read."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ArgumentError(
                    f"table {self.key}: a row has {len(row)} cells for {len(self.columns)} columns"
                )


@dataclass(frozen=True)
class Series:
    """Values of a chart, one for each of its labels (NaN: unknown), with intervals or none."""

    name: str
    values: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Chart:
    """A picture of a few numbers.

    Attributes:
        key: stable, lower case with underscores.
        title: what it shows, as a sentence.
        kind: `bars` lie, one a label; `histogram` stands, labels are the bins; `lines` go through
            points, labels are the x values as text; `curve` is for so many points that each would
            hide the next, with its intervals as a band.
        labels: of the bars, bins or points.
        series: one or more, each as long as `labels`.
        x_label, y_label: of the axes, with units.
        log_scale: of the values.
        table: the key of the section's table of the same things; a page then shows the one or the
            other. Without it the other is made of the chart's own figures.
        reach: the axis goes at least so far, so that several charts can be compared.
        is_muted: the figures should not be used, and look like it.
    """

    key: str
    title: str
    kind: Literal["bars", "histogram", "lines", "curve"]
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    x_label: str = ""
    y_label: str = ""
    log_scale: bool = False
    table: str = ""
    reach: float | None = None
    is_muted: bool = False

    def __post_init__(self) -> None:
        for series in self.series:
            if len(series.values) != len(self.labels):
                raise ArgumentError(
                    f"chart {self.key}: {series.name} has {len(series.values)} values for "
                    f"{len(self.labels)} labels"
                )


def bar_chart(
    key: str,
    title: str,
    series: str,
    bars: Sequence[Bar],
    x_label: str,
    *,
    log_scale: bool = False,
    table: str = "",
) -> Chart:
    """A chart of one series of bars, with intervals if each has one; for `table` see `Chart`."""
    labels, values, intervals = zip(*bars, strict=True) if bars else ((), (), ())
    known = () if None in intervals else intervals
    numbers = tuple(map(float, values))
    shown = (Series(series, numbers, known),)
    return Chart(key, title, "bars", labels, shown, x_label, log_scale=log_scale, table=table)


@dataclass(frozen=True)
class Exhibits:
    """Pictures or sounds, a row for each of what they are of. A page shows them; JSON does not.

    Attributes:
        key: stable, lower case with underscores.
        title: what they are.
        media: of the files.
        heads: of the columns.
        rows: the files' bytes.
        note: a sentence about them.
    """

    key: str
    title: str
    media: Literal["image/png", "audio/wav"]
    heads: tuple[str, ...]
    rows: tuple[tuple[bytes, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.heads):
                raise ArgumentError(
                    f"exhibits {self.key}: a row has {len(row)} files for {len(self.heads)} columns"
                )


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        key: stable, one lower-case word, as "vocabulary" or "shares"; where links lead.
        title: its heading.
        summary: one or two sentences that say the most important thing.
    """

    key: str
    title: str
    summary: str
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    exhibits: tuple[Exhibits, ...] = ()

    def __post_init__(self) -> None:
        keys = {table.key for table in self.tables}
        for chart in self.charts:
            if chart.table and chart.table not in keys:
                raise ArgumentError(
                    f"section {self.key}: the chart {chart.key} names the table {chart.table}, "
                    f"expected one of {sorted(keys)}"
                )
