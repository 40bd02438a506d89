"""Scores as a page: the figures, each document, and a heat map of what surprised the models."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby

from tokkit.files.shipped import shipped_text
from tokkit.report.page.assets import SCRIPTS, asset, closure, script
from tokkit.report.page.markup import attribute, escape, visible_html
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Column, Fact, Scalar, Section, Table, bar_chart, columns
from tokkit.report.wording import plural, size
from tokkit.scoring.scores import Scores
from tokkit.scoring.surprise import Surprise

LEVELS = (0.1, 0.5, 1.0, 2.0, 4.0, 7.0, 11.0)
"""Bits at which the next shade begins, of bytes and tokens alike."""
_DIGITS = 4
_MOST_DOCUMENTS = 500


def render_score_page(report: Scores, name: str = "") -> str:
    """A page as a string, for UTF-8; equal reports give equal strings.

    Args:
        report: the scores.
        name: of the texts; by default that of the first document.
    """
    maps = heat_maps(report.surprises)
    return render(
        Page(
            brand="score",
            kicker="Bits per byte",
            name=name or report.documents[0].name,
            description=_description(report),
            verdict=_verdict(report),
            headline=_headline(report),
            sections=[_models(report), _documents(report)],
            note="Fewer bits a byte are better, and may be compared whatever the vocabularies.",
            parts_html=maps,
            links=(("surprise", "Surprise"),) if maps else (),
            style=shipped_text("heat.css", "tokkit.scoring") if maps else "",
            script=_script() if maps else "",
        )
    )


def _script() -> str:
    own = shipped_text("heat.js", "tokkit.scoring")
    return closure([*map(script, SCRIPTS), own, asset("scripts/start.js")])


# -- figures -----------------------------------------------------------------------------------


def _description(report: Scores) -> str:
    parts = [plural(len(report.documents), "document"), size(report.n_bytes)]
    if report.window is not None:
        parts.append(f"windows of {report.window:,} bytes, {report.stride:,} new in each")
    return " · ".join(parts)


def _verdict(report: Scores) -> str:
    bits, (best, *others) = report.bits_per_byte, report.ranking
    if math.isinf(bits[best]):
        return "None of the models can write all of these texts."
    verdict = f"{best} needs {bits[best]:.3f} bits a byte"
    if not others:
        return f"{verdict}."
    following = others[0]
    if math.isinf(bits[following]):
        return f"{verdict}; {following} cannot write all of these texts."
    apart = report.difference(following, best)
    more = f"{verdict}, and {following} {bits[following] - bits[best]:.3f} more"
    if apart is None:
        return f"{more}."
    told = f"{more} (95% between {apart.low:.3f} and {apart.high:.3f})"
    return f"{told}." if apart.low > 0 else f"{told}, which may be chance."


def _headline(report: Scores) -> list[Fact]:
    intervals = report.intervals
    return [
        Fact(
            f"bits_per_byte_{place}",
            model,
            _rounded(report.bits_per_byte[model]),
            "bits a byte",
            None if (found := intervals[model]) is None else (
                round(found.low, _DIGITS), round(found.high, _DIGITS)
            ),
        )
        for place, model in enumerate(report.ranking[:4])
    ]  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, _DIGITS)


def _models(report: Scores) -> Section:
    heads = (
        Column("model", "Model"),
        *columns(
            "number",
            bits_per_byte="Bits a byte",
            tokenization="Of its own tokens",
            apart="More than the best",
            low="At least",
            high="At most",
        ),
    )
    best, totals, bits = report.ranking[0], report.totals, report.bits_per_byte
    rows: list[tuple[Scalar, ...]] = []
    for model in report.ranking:
        apart = None if model == best else report.difference(model, best)
        rows.append(
            (
                model,
                _rounded(bits[model]),
                _rounded(totals[model].tokenization_bits_per_byte),
                _rounded(bits[model] - bits[best]),
                _rounded(None if apart is None else apart.low),
                _rounded(None if apart is None else apart.high),
            )
        )
    note = "Intervals are over documents, at 95%, paired where models are compared."
    intervals = report.intervals
    bars = [
        (model, _rounded(bits[model]) or 0.0, None if found is None else (found.low, found.high))
        for model in report.ranking
        if (found := intervals[model]) is not None or math.isfinite(bits[model])
    ]
    chart = bar_chart("bits", "Bits for each byte", "bits a byte", bars, "bits a byte")
    table = Table("models", "Models", heads, tuple(rows), note)
    summary = (
        "The bits of the bytes, summed over the encodings of the text. Beside them stands what is "
        "usually reported, the text's own tokens alone."
    )
    return Section(
        "models", "Models", summary, tables=(table,), charts=(chart,) if len(bars) > 1 else ()
    )


def _documents(report: Scores) -> Section:
    models = report.models
    heads = (
        Column("name", "Document"),
        Column("n_bytes", "Bytes", "number"),
        *(Column(f"model_{k}", model, "number") for k, model in enumerate(models)),
    )
    rows = tuple(
        (d.name, d.n_bytes, *(_rounded(d.scores[model].bits_per_byte) for model in models))
        for d in report.documents[:_MOST_DOCUMENTS]
    )
    left = len(report.documents) - len(rows)
    note = f"The first {len(rows):,}; {left:,} more are in the JSON and the CSV." if left else ""
    return Section(
        "documents",
        "Documents",
        "Bits a byte of each text.",
        tables=(Table("documents", "Documents", heads, rows, note),),
    )


# -- the heat map ------------------------------------------------------------------------------


def heat_maps(surprises: Sequence[Surprise]) -> str:
    """Maps of each text, the models beside one another; nothing where there are none."""
    if not surprises:
        return ""
    ordered = sorted(surprises, key=lambda each: _place(surprises, each.document))
    texts = "".join(
        f'<article class="text"><h3>{escape(document)}</h3>'
        f'<div class="maps">{"".join(map(_map, group))}</div></article>'
        for document, group in groupby(ordered, key=lambda each: each.document)
    )
    ends = "".join(
        f'<li><span class="h{level}">{label}</span></li>'
        for level, label in enumerate(("0", *(f"{bits:g}" for bits in LEVELS)))
    )
    return (
        '<section id="surprise" class="part" data-view="bytes"><h2>What surprised them</h2>'
        '<p class="standfirst">Each byte, and each token, is shaded by the bits that it took to '
        "tell, given all before it. Point at one to read them.</p>"
        '<div class="heat-head"><div class="view" role="group" aria-label="Show">'
        '<button type="button" data-view="bytes" aria-pressed="true">Bytes</button>'
        '<button type="button" data-view="tokens" aria-pressed="false">Tokens</button></div>'
        f'<ul class="shades" aria-label="Bits from which a shade begins">{ends}</ul></div>'
        f'<output class="reading">&nbsp;</output>{texts}</section>'
    )


def _place(surprises: Sequence[Surprise], document: str) -> int:
    return next(k for k, each in enumerate(surprises) if each.document == document)


def _map(surprise: Surprise) -> str:
    total = float(surprise.byte_bits.sum()) / max(1, len(surprise.text))
    told = f"{total:.2f} bits a byte" if math.isfinite(total) else "no probability"
    tokens = '<p class="hint">It has no tokens here.</p>'
    if surprise.token_bits is not None:
        tokens = "".join(_token_spans(surprise))
    return (
        f'<figure class="map" data-model="{attribute(surprise.model)}">'
        f"<figcaption>{escape(surprise.model)} <span>{told}</span></figcaption>"
        f'<div class="bytes">{"".join(_byte_spans(surprise))}</div>'
        f'<div class="tokens">{tokens}</div></figure>'
    )


def _byte_spans(surprise: Surprise) -> Iterator[str]:
    """A span for each character, and for each byte that belongs to none."""
    text = surprise.text.decode(errors="surrogateescape")
    start = 0
    for char in text:
        data = char.encode(errors="surrogateescape")
        bits = surprise.byte_bits[start : start + len(data)].tolist()
        yield _span(data, " + ".join(f"{each:.2f}" for each in bits), sum(bits))
        start += len(data)


def _token_spans(surprise: Surprise) -> Iterator[str]:
    assert surprise.token_ends is not None
    assert surprise.token_bits is not None
    start = 0
    for end, bits in zip(surprise.token_ends.tolist(), surprise.token_bits.tolist(), strict=True):
        yield _span(surprise.text[start:end], f"{bits:.2f}", bits)
        start = end


def _span(data: bytes, told: str, bits: float) -> str:
    level = bisect_right(LEVELS, bits)
    return f'<span class="h{level}" title="{told} bits">{visible_html(data)}</span>'
