"""Tables and facts of a section as HTML. A script lets readers sort, and show all rows."""

from __future__ import annotations

from collections.abc import Sequence

from tokkit.report.page.charts import chart_html
from tokkit.report.page.markup import escape, visible_html
from tokkit.report.section import Column, Fact, Scalar, Section, Table
from tokkit.report.wording import number, unit_of

ROWS_SHOWN = 12


def section_html(section: Section) -> str:
    """A section of the report."""
    charts = "".join(map(chart_html, section.charts))
    tables = "".join(map(_table, section.tables))
    return (
        f'<section id="{escape(section.key)}" class="part"><h2>{escape(section.title)}</h2>'
        f'<p class="standfirst">{escape(section.summary)}</p>'
        + facts_html(section.facts)
        + (f'<div class="charts">{charts}</div>' if charts else "")
        + tables
        + "</section>"
    )


def facts_html(facts: Sequence[Fact], kind: str = "facts") -> str:
    """Figures beside one another, or nothing."""
    return f'<dl class="{kind}">{"".join(map(_fact, facts))}</dl>' if facts else ""


def _fact(fact: Fact) -> str:
    """One figure: large, with its unit, interval and meaning."""
    interval = ""
    if fact.interval is not None:
        low, high = map(number, fact.interval)
        interval = f'<span class="between">95% between {low} and {high}</span>'
    text = "" if isinstance(fact.value, (int, float)) else " words"
    unit = (
        f' <span class="unit">{escape(unit_of(fact.value, fact.unit))}</span>' if fact.unit else ""
    )
    meaning = f'<span class="help">{escape(fact.help)}</span>' if fact.help else ""
    return (
        f'<div class="fact" data-key="{escape(fact.key)}"><dt>{escape(fact.label)}</dt>'
        f'<dd><span class="figure{text}">{escape(number(fact.value))}</span>{unit}'
        f"{interval}{meaning}</dd></div>"
    )


def _table(table: Table) -> str:
    """A table, of which the first rows are shown."""
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
    note = f'<p class="hint">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="table" id="table-{escape(table.key)}"><h3>{escape(table.title)}</h3>{note}'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}">'
        f'<table class="sortable"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
        f"</div>{more}</div>"
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
        return f'<td class="{column.kind}" data-value="{cell}">{number(cell)}</td>'
    return f'<td class="{column.kind}">{escape(number(cell))}</td>'
