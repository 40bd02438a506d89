"""Sections and their tables as HTML. A script lets readers sort, and show all rows."""

from __future__ import annotations

from tokkit.report.page.charts import chart_html
from tokkit.report.page.exhibits import exhibits_html
from tokkit.report.page.facts import facts_html
from tokkit.report.page.markup import escape, prose, visible_html
from tokkit.report.section import Column, Scalar, Section, Table
from tokkit.report.wording import number, plural

ROWS_SHOWN = 12


def section_html(section: Section) -> str:
    """A section of the report: figures, charts, and tables that no chart stands for.

    A table of the same things as a chart is shown instead of it, when a reader asks. Of several
    other tables each is a line that opens.
    """
    with_chart = {chart.table for chart in section.charts}
    tables = {table.key: table for table in section.tables}
    others = [table for table in section.tables if table.key not in with_chart]
    charts = "".join(
        chart_html(chart, table_html(tables[chart.table]) if chart.table else "")
        for chart in section.charts
    )
    show = table_html if len(others) == 1 else _folded
    return (
        f'<section id="{escape(section.key)}" class="part"><h2>{escape(section.title)}</h2>'
        f'<p class="standfirst">{prose(section.summary)}</p>'
        + facts_html(section.facts)
        + (f'<div class="charts">{charts}</div>' if charts else "")
        + "".join(map(exhibits_html, section.exhibits))
        + "".join(map(show, others))
        + "</section>"
    )


def table_html(table: Table) -> str:
    """A table with its heading."""
    return (
        f'<div class="table" id="table-{escape(table.key)}"><h3>{escape(table.title)}</h3>'
        f"{_rows(table)}</div>"
    )


def _folded(table: Table) -> str:
    """A line with the heading, which opens the table."""
    size = plural(len(table.rows), "row")
    return (
        f'<details class="table fold" id="table-{escape(table.key)}"><summary>'
        f'<h3>{escape(table.title)}</h3><span class="more">{size}</span></summary>'
        f"{_rows(table)}</details>"
    )


def _rows(table: Table) -> str:
    """The note and the rows, of which the first are shown."""
    heads = "".join(map(_head, table.columns))
    rows = "".join(
        f"<tr{' hidden' if k >= ROWS_SHOWN else ''}>"
        + "".join(_cell(column, cell) for column, cell in zip(table.columns, row, strict=True))
        + "</tr>"
        for k, row in enumerate(table.rows)
    )
    more = ""
    if len(table.rows) > ROWS_SHOWN:
        more = f'<button type="button" class="all">Show all {len(table.rows):,} rows</button>'
    note = f'<p class="hint">{prose(table.note)}</p>' if table.note else ""
    return (
        f'{note}<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}">'
        f'<table class="sortable"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
        f"</div>{more}"
    )


def _head(column: Column) -> str:
    return (
        f'<th scope="col" class="{column.kind}"><button type="button">{escape(column.label)}'
        "</button></th>"
    )


def _cell(column: Column, cell: Scalar) -> str:
    if column.kind == "token" and isinstance(cell, int):
        return f'<td class="token" data-value="{cell}"><a href="#token-{cell}">{cell}</a></td>'
    if column.kind == "code" and isinstance(cell, str):
        shown = visible_html(cell.encode(errors="surrogatepass"))
        return f'<td class="code"><code>{shown}</code></td>'
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        zero = " zero" if cell == 0 else ""
        return f'<td class="{column.kind}{zero}" data-value="{cell}">{number(cell)}</td>'
    return f'<td class="{column.kind}">{escape(number(cell))}</td>'
