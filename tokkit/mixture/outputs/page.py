"""`render_report`: a `InferredMixture` as one self-contained HTML page.

Inline style and SVG, no scripts, nothing from elsewhere (its content policy forbids both). Names
and tokens are untrusted and escaped. The page holds no date: equal results give equal bytes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tokkit.mixture.inferred import InferredMixture, ResidualBin
from tokkit.mixture.judging.diagnostics import Disagreement
from tokkit.mixture.judging.trust import trust_sentences
from tokkit.mixture.outputs.page_template import PAGE, STYLE
from tokkit.mixture.outputs.printable import printable

_WIDTH, _LEFT = 900, 46
_TOP, _FLOOR = 8, 198
_STRIP_TOP, _STRIP_FLOOR = 214, 264
_HEIGHT = 286
_REACH = 2.0
"""The picture of the residuals goes from a hundredth to a hundred times what is expected."""


def render_report(result: InferredMixture) -> str:
    """The page, as UTF-8 text."""
    title = f"Training mixture of {_text(result.tokenizer)}"
    parts = [
        f"<h1>{title}</h1>",
        '<p class="lead">Inferred from its merges. Shares are of bytes.</p>',
        _facts(result),
        _warnings(result.warnings),
        "<h2>Shares</h2>",
        _shares(result),
        "<h2>How far to trust this</h2>",
        *(f"<p>{_text(sentence)}</p>" for sentence in trust_sentences(result)),
        "<h2>Fit along the merge list</h2>",
        _fit(result),
        "<h2>Merges that disagree</h2>",
        _disagreements(result),
    ]
    body = "\n".join(part for part in parts if part)
    return PAGE.format(title=title, style=STYLE, body=body)


def _text(value: str) -> str:
    """Escaped for HTML; controls and marks that reorder text are shown as what they are."""
    safe = "".join(
        char if unicodedata.category(char) not in ("Cc", "Cf", "Cs") else f"\\u{ord(char):04x}"
        for char in value
    )
    return escape(safe, quote=True)


def _facts(result: InferredMixture) -> str:
    facts = [
        ("method", result.method),
        ("status", result.status),
        ("merges used", f"{result.n_merges:,}"),
        ("typical misfit", f"factor {result.misfit:.2f}"),
        ("merges without support", f"{result.unsupported:.1%}"),
        ("samples", f"{sum(result.sample_bytes.values()) / 1e6:,.1f} MB"),
    ]
    if result.unexplained is not None:
        facts.append(("unexplained, roughly", f"{result.unexplained:.1%}"))
    if result.inherited is not None:
        taken = f"{result.inherited.n_merges:,} from {result.inherited.source}"
        facts.append(("merges taken over", taken))
    cells = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in facts
    )
    return f'<dl class="facts">{cells}</dl>'


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    items = "".join(f"<li>{_text(warning)}</li>" for warning in warnings)
    return f'<ul class="warnings" aria-label="Warnings">{items}</ul>'


# -- shares ----------------------------------------------------------------------------------


def _shares(result: InferredMixture) -> str:
    shown, hidden = result.notable()
    rows = [
        _Row(
            name,
            result.proportions[name],
            None if result.intervals is None else result.intervals[name],
            f"{result.sample_bytes[name] / 1e6:,.2f} MB",
            ruled_out=name in result.ruled_out,
        )
        for name in shown
    ]
    groups = [
        _Row(name, group.share, group.interval, f"{len(group.categories)}")
        for name, group in result.groups.items()
    ]
    parts = [_share_table(groups, result.level, "group", "categories")] if groups else []
    parts.append(_share_table(rows, result.level, "category", "sample"))
    if hidden:
        total = sum(result.proportions[name] for name in hidden)
        parts.append(f'<p class="note">And {len(hidden)} more, together {total:.1%}.</p>')
    if result.untold:
        names = ", ".join(_text(name) for name in result.untold)
        parts.append(f'<p class="note">Nothing is told of {names}. Shares are of the rest.</p>')
    if not result.fits:
        parts.insert(0, "<p>The merges fit no mixture of these; do not use the shares.</p>")
    if result.ruled_out:
        parts.append(
            '<p class="note">† ruled out: with such a share, frequent pairs of the sample would '
            "have been merged early.</p>"
        )
    return "".join(parts)


@dataclass(frozen=True)
class _Row:
    name: str
    share: float
    interval: tuple[float, float] | None
    last: str
    ruled_out: bool = False


def _share_table(rows: Sequence[_Row], level: float, first: str, last: str) -> str:
    top = max(row.share if row.interval is None else row.interval[1] for row in rows)
    interval = f"{level:.0%} interval" if rows[0].interval is not None else ""
    head = (
        f'<tr><th scope="col">{first}</th><th scope="col" class="number">share</th>'
        f'<th scope="col" class="number">{interval}</th><th scope="col"></th>'
        f'<th scope="col" class="number">{last}</th></tr>'
    )
    body = "".join(_share_row(row, top) for row in rows)
    return f'<div class="scroll"><table class="shares">{head}{body}</table></div>'


def _share_row(row: _Row, top: float) -> str:
    between = line = ""
    if row.interval is not None:
        low, high = row.interval
        between = f"{low:.1%} to {high:.1%}"
        line = (
            f'<line class="range" x1="{300 * low / top:.1f}" x2="{300 * high / top:.1f}" '
            'y1="9" y2="9"/>'
        )
    kind = "bar refuted" if row.ruled_out else "bar"
    bar = (
        '<svg viewBox="0 0 300 18" height="18" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{kind}" x="0" y="3" width="{300 * row.share / top:.1f}" height="12" '
        f'rx="2"/>{line}</svg>'
    )
    mark = " †" if row.ruled_out else ""
    return (
        f'<tr><td class="name">{_text(row.name)}{mark}</td>'
        f'<td class="number">{row.share:.1%}</td>'
        f'<td class="number">{between}</td><td class="picture">{bar}</td>'
        f'<td class="number">{_text(row.last)}</td></tr>'
    )


# -- fit -------------------------------------------------------------------------------------


def _fit(result: InferredMixture) -> str:
    bins = result.residual_bins()
    explanation = (
        '<p class="note">How frequent the merged pairs are in the inferred mixture, over what '
        "their place in the list says: the median, and the range that holds four in five. "
        "Below: the share of merges whose pair stands in no sample.</p>"
    )
    return explanation + _residual_picture(bins)


def _residual_picture(bins: Sequence[ResidualBin]) -> str:
    n, right = len(bins), _WIDTH - 8

    def x(k: float) -> float:
        return _LEFT + (right - _LEFT) * k / n

    def y(value: float) -> float:
        inside = min(_REACH, max(-_REACH, value))
        return _TOP + (_FLOOR - _TOP) * (_REACH - inside) / (2 * _REACH)

    parts: list[str] = []
    marks = [("axis", y(2), "100×"), ("zero", y(0), "1×"), ("axis", y(-2), "1/100")]
    marks += [("axis", _STRIP_TOP, "100%"), ("axis", _STRIP_FLOOR, "0%")]
    for kind, height, label in marks:
        parts.append(
            f'<line class="{kind}" x1="{_LEFT}" x2="{right}" y1="{height:.1f}" '
            f'y2="{height:.1f}"/><text x="{_LEFT - 6}" y="{height + 4:.1f}" '
            f'text-anchor="end">{label}</text>'
        )
    medians: list[str] = []
    for k, each in enumerate(bins):
        if each.unsupported > 0:
            height = (_STRIP_FLOOR - _STRIP_TOP) * each.unsupported
            parts.append(_box("missing", x(k), _STRIP_FLOOR - height, x(k + 1) - x(k), height))
        if each.low is not None and each.high is not None and each.median is not None:
            top, bottom = y(each.high), y(each.low)
            parts.append(_box("band", x(k), top, x(k + 1) - x(k), bottom - top))
            medians.append(f"{x(k + 0.5):.1f},{y(each.median):.1f}")
    parts.append(f'<polyline class="median" points="{" ".join(medians)}"/>')
    for k, anchor in ((0, "start"), (n // 2, "middle"), (n - 1, "end")):
        number = bins[k].last if k == n - 1 else bins[k].first
        place = x(k + 1) if k == n - 1 else x(k)
        parts.append(
            f'<text x="{place:.1f}" y="{_HEIGHT - 5}" text-anchor="{anchor}">'
            f"merge {number:,}</text>"
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="Residuals along the merge list">{"".join(parts)}</svg>'
    )


def _box(kind: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    )


# -- disagreements ---------------------------------------------------------------------------


def _disagreements(result: InferredMixture) -> str:
    names = result.categories
    found = result.diagnosis
    tables = [
        _pairs("Rarer in the samples than their place says", found.too_rare, names),
        _pairs("More frequent in the samples than their place says", found.too_frequent, names),
        _pairs("Frequent in the samples, never merged", found.never_merged, names),
    ]
    return "".join(tables) or "<p>None by more than a factor of two.</p>"


def _pairs(title: str, pairs: Sequence[Disagreement], names: Sequence[str]) -> str:
    if not pairs:
        return ""
    rows = "".join(
        f'<tr><td class="number">{"never" if each.step is None else f"{each.step:,}"}</td>'
        f"<td><code>{_text(printable(each.left))}</code> "
        f"<code>{_text(printable(each.right))}</code></td>"
        f'<td class="number">{_factor(each.factor)}</td>'
        f"<td>{_text(names[each.category]) if each.category is not None else 'none'}</td></tr>"
        for each in pairs
    )
    head = (
        '<tr><th scope="col" class="number">merge</th><th scope="col">pair</th>'
        '<th scope="col" class="number">times expected</th><th scope="col">mostly in</th></tr>'
    )
    return f'<h3>{title}</h3><div class="scroll"><table class="pairs">{head}{rows}</table></div>'


def _factor(factor: float) -> str:
    return "0" if factor == 0 else f"{factor:.3g}"
