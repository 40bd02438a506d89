"""Charts as inline SVG.

Places along an axis are percentages, so that a chart is as wide as its column while its letters
keep their size. Colours are classes, which the styles define for light and dark. Each chart has a
title and a description for screen readers, and its figures in a table, which a reader can have
instead of it. Of many bars the first are shown, the rest on demand.
"""

from __future__ import annotations

import math
from itertools import pairwise

from tokkit.report.page.markup import escape
from tokkit.report.page.scales import Scale, scale_of, tick_label
from tokkit.report.section import Chart, Series
from tokkit.report.wording import number

_BAR_ROW = 31
_BAR = 9
_PLOT_HEIGHT = 170
_PLOT_TOP = 36
_MAX_X_LABELS = 6
_MAX_BARS = 12
_FIRST_BARS = 10
"""Of more than `_MAX_BARS`, so many are shown at once."""


def chart_html(chart: Chart, table: str = "") -> str:
    """A chart with its heading and legend, and a table that a reader can have instead.

    Args:
        chart: what is drawn.
        table: the section's table of the same things, as HTML; empty: one of the chart's figures.
    """
    draw = {"bars": _bars, "histogram": _histogram, "lines": _lines, "curve": _lines}[chart.kind]
    legend = _legend(chart.series) if len(chart.series) > 1 else ""
    muted = " muted" if chart.is_muted else ""
    wide = " wide" if table else ""
    return (
        f'<figure class="chart {chart.kind}{muted}" id="chart-{escape(chart.key)}">'
        f"<figcaption>{escape(chart.title)}</figcaption>"
        f'<details class="data{wide}"><summary><span class="drawn">Chart</span>'
        f'<span class="told">Table</span></summary>{table or _data(chart)}</details>'
        f"{legend}{draw(chart)}</figure>"
    )


def _legend(series: tuple[Series, ...]) -> str:
    items = "".join(
        f'<li><span class="swatch s{k % 6}"></span>{escape(one.name)}</li>'
        for k, one in enumerate(series)
    )
    return f'<ul class="legend">{items}</ul>'


def _svg(chart: Chart, height: int, body: str, part: str = "") -> str:
    described = "; ".join(
        f"{one.name}: from {number(min(values))} to {number(max(values))}"
        for one in chart.series
        if (values := [value for value in one.values if not math.isnan(value)])
    )
    key = escape(chart.key + part)
    return (
        f'<svg role="img" width="100%" height="{height}" aria-labelledby="t-{key} d-{key}">'
        f'<title id="t-{key}">{escape(chart.title)}</title>'
        f'<desc id="d-{key}">{escape(described)}. The figures are in the table.</desc>'
        f"{body}</svg>"
    )


def _extent(chart: Chart) -> Scale:
    values = [value for one in chart.series for value in one.values]
    values += [end for one in chart.series for interval in one.intervals for end in interval]
    if chart.reach is not None:
        values.append(chart.reach)
    return scale_of(values, is_log=chart.log_scale)


def _axis_label(chart: Chart, text: str) -> str:
    note = " (logarithmic)" if chart.log_scale else ""
    return f"{escape(text)}{note}" if text else ""


# -- bars ------------------------------------------------------------------------------------


def _bars(chart: Chart) -> str:
    """All bars, or the first of many, and the rest on demand."""
    n_bars = len(chart.labels)
    if n_bars <= _MAX_BARS:
        return _bar_rows(chart, range(n_bars))
    rest = _bar_rows(chart, range(_FIRST_BARS, n_bars), "-rest")
    return (
        f'{_bar_rows(chart, range(_FIRST_BARS))}<details class="rest">'
        f"<summary>{n_bars - _FIRST_BARS} more</summary>{rest}</details>"
    )


def _bar_rows(chart: Chart, shown: range, part: str = "") -> str:
    scale = _extent(chart)
    row = _BAR_ROW + (_BAR + 1) * (len(chart.series) - 1)
    bottom = row * len(shown)
    parts = [
        f'<line class="grid" x1="{x}%" x2="{x}%" y1="0" y2="{bottom}"/>'
        for x in map(scale.percent, scale.ticks())
    ]
    for place, k in enumerate(shown):
        top = place * row
        values = " / ".join(number(one.values[k]) for one in chart.series)
        parts.append(f'<text x="0" y="{top + 12}">{escape(chart.labels[k])}</text>')
        parts.append(f'<text class="value" x="100%" y="{top + 12}">{values}</text>')
        for s, one in enumerate(chart.series):
            parts.append(_bar(one, k, s, scale, top + 17 + s * (_BAR + 1)))
    parts += [
        f'<text class="tick {_anchor(x)}" x="{x}%" y="{bottom + 14}">{tick_label(tick)}</text>'
        for tick, x in ((tick, scale.percent(tick)) for tick in scale.ticks())
    ]
    axis = _axis_label(chart, chart.x_label or chart.y_label)
    parts.append(f'<text class="axis" x="100%" y="{bottom + 32}">{axis}</text>')
    return _svg(chart, bottom + 38, "".join(parts), part)


def _bar(one: Series, k: int, s: int, scale: Scale, top: int) -> str:
    zero = scale.percent(0.0) if not scale.is_log else 0.0
    at = scale.percent(one.values[k])
    left, width = min(zero, at), round(abs(at - zero), 2)
    bar = f'<rect class="s{s % 6}" x="{left}%" y="{top}" width="{width}%" height="{_BAR}" rx="2"/>'
    if not one.intervals:
        return bar
    low, high = (scale.percent(end) for end in one.intervals[k])
    middle = top + _BAR / 2
    return (
        f'{bar}<line class="interval" x1="{low}%" x2="{high}%" y1="{middle}" y2="{middle}"/>'
        f'<line class="interval" x1="{low}%" x2="{low}%" y1="{top + 1}" y2="{top + _BAR - 1}"/>'
        f'<line class="interval" x1="{high}%" x2="{high}%" y1="{top + 1}" y2="{top + _BAR - 1}"/>'
    )


def _anchor(percent: float) -> str:
    return "start" if percent < 6 else "end" if percent > 94 else "middle"


# -- standing charts -------------------------------------------------------------------------


def _frame(chart: Chart, scale: Scale) -> list[str]:
    """Horizontal lines with their values above, the axis below, and the labels of both."""
    parts: list[str] = []
    for tick in scale.ticks():
        y = _y(scale, tick)
        parts.append(f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick start" x="0" y="{y - 3}">{tick_label(tick)}</text>')
    left, right = _axis_label(chart, chart.y_label), escape(chart.x_label)
    parts.append(f'<text class="axis start" x="0" y="11">{left}</text>')
    parts.append(f'<text class="axis" x="100%" y="{_PLOT_HEIGHT + _PLOT_TOP + 32}">{right}</text>')
    return parts


def _y(scale: Scale, value: float) -> float:
    return round(_PLOT_TOP + _PLOT_HEIGHT * (1 - scale.percent(value) / 100), 2)


def _x_labels(chart: Chart, places: list[float]) -> list[str]:
    step = max(1, math.ceil(len(places) / _MAX_X_LABELS))
    y = _PLOT_HEIGHT + _PLOT_TOP + 15
    return [
        f'<text class="tick {_anchor(x)}" x="{x}%" y="{y}">{escape(label)}</text>'
        for label, x in list(zip(chart.labels, places, strict=True))[::step]
    ]


def _histogram(chart: Chart) -> str:
    scale = _extent(chart)
    parts = _frame(chart, scale)
    n, n_series = max(1, len(chart.labels)), len(chart.series)
    slot = 92 / n
    width = round(slot * 0.86 / n_series, 3)
    base = _PLOT_HEIGHT + _PLOT_TOP
    places: list[float] = []
    for k in range(len(chart.labels)):
        left = 8 + k * slot
        places.append(round(left + slot / 2, 2))
        for s, one in enumerate(chart.series):
            y = _y(scale, one.values[k])
            x = round(left + slot * 0.07 + s * width, 3)
            height = round(base - y, 2)
            parts.append(
                f'<rect class="s{s % 6}" x="{x}%" y="{y}" width="{width}%" height="{height}"/>'
            )
    parts += _x_labels(chart, places)
    return _svg(chart, _PLOT_HEIGHT + _PLOT_TOP + 38, "".join(parts))


def _lines(chart: Chart) -> str:
    """`lines` and `curve`; there is a gap where a value is NaN."""
    scale = _extent(chart)
    parts = _frame(chart, scale)
    last = max(1, len(chart.labels) - 1)
    places = [round(8 + 88 * k / last, 2) for k in range(len(chart.labels))]
    for s, one in enumerate(chart.series):
        points = [
            None if math.isnan(value) else (x, _y(scale, value))
            for x, value in zip(places, one.values, strict=True)
        ]
        parts += [
            f'<line class="s{s % 6}" x1="{a[0]}%" y1="{a[1]}" x2="{b[0]}%" y2="{b[1]}"/>'
            for a, b in pairwise(points)
            if a and b
        ]
        for k, point in enumerate(points):
            if point is None:
                continue
            x, y = point
            if one.intervals:
                low, high = (_y(scale, end) for end in one.intervals[k])
                draw = _band if chart.kind == "curve" else _whisker
                parts.append(draw(x, low, high, s, 88 / last))
            if chart.kind == "lines":
                parts.append(f'<circle class="s{s % 6}" cx="{x}%" cy="{y}" r="3.5"/>')
    parts += _x_labels(chart, places)
    return _svg(chart, _PLOT_HEIGHT + _PLOT_TOP + 38, "".join(parts))


def _whisker(x: float, low: float, high: float, _series: int, _slot: float) -> str:
    return f'<line class="interval" x1="{x}%" x2="{x}%" y1="{low}" y2="{high}"/>'


def _band(x: float, low: float, high: float, series: int, slot: float) -> str:
    left, width, height = round(x - slot / 2, 2), round(slot, 2), round(low - high, 2)
    return (
        f'<rect class="s{series % 6}" x="{left}%" y="{high}" width="{width}%" height="{height}" '
        'opacity="0.25" shape-rendering="crispEdges"/>'
    )


# -- figures ---------------------------------------------------------------------------------


def _data(chart: Chart) -> str:
    heads = "".join(f'<th scope="col">{escape(one.name)}</th>' for one in chart.series)
    rows = "".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(f"<td>{_cell(one, k)}</td>" for one in chart.series)
        + "</tr>"
        for k, label in enumerate(chart.labels)
    )
    first = escape(chart.x_label if chart.kind != "bars" else "")
    return (
        '<div class="scroll" tabindex="0">'
        f'<table><thead><tr><th scope="col">{first}</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(one: Series, k: int) -> str:
    if not one.intervals:
        return number(one.values[k])
    low, high = one.intervals[k]
    return f"{number(one.values[k])} <small>{number(low)} to {number(high)}</small>"
