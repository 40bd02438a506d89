"""`render_page`: the report as one self-contained HTML file, with the tokenizer running in it.

It is a page of the family that `tokkit.report.page` makes; equal reports give equal bytes.
"""

from __future__ import annotations

import json

from tokkit.audit.page.assets import audit_asset, page_source, page_style
from tokkit.audit.page.findings import findings_html
from tokkit.audit.page.payload import make_payload
from tokkit.audit.page.summary import description, headline, severities_html, verdict
from tokkit.audit.report_content import ReportContent
from tokkit.report.page.rendering import Page, render

NOTE = "Ids are those of canonical tokenization: what the tokenizer itself gives for a text."
_NOTE_OF_SIGNALS = "Ids are those that the tokenizer gives for the signals that were passed."


def render_page(report: ReportContent) -> str:
    """The report as one HTML file without references to anything outside it.

    Text that a reader types is encoded canonically, with the tokenizer's normaliser, by an engine
    in the page that first compares itself with `TextTokenizer.encode`.

    Returns:
        The file's content, for UTF-8. Equal reports give equal strings.
    """
    tokenizer = report.subject.text
    parts = (
        f'<section id="findings" class="part"><h2>Findings</h2>'
        f"{findings_html(report.findings, tokenizer)}</section>"
    )
    links = (("findings", "Findings"),)
    picture = data = ""
    if tokenizer is not None:
        payload = make_payload(report, tokenizer)
        parts += audit_asset("explorer.html")
        links += (("try", "Try it"), ("tokens", "Tokens"))
        picture = audit_asset("map.html")
        data = (
            f'<script type="application/json" id="tokkit-about">{_json(payload.about)}</script>\n'
            f'<script type="text/plain" id="tokkit-block">{payload.block}</script>'
        )
    return render(
        Page(
            brand="audit",
            kicker="Tokenizer audit",
            name=report.name,
            description=description(report),
            verdict=verdict(report),
            headline=headline(report.sections),
            sections=report.sections,
            note=NOTE if tokenizer is not None else _NOTE_OF_SIGNALS,
            tallies_html=severities_html(report),
            picture_html=picture,
            parts_html=parts,
            links=links,
            data_html=data,
            style=page_style(),
            script=page_source(),
        )
    )


def _json(value: object) -> str:
    """JSON that ends no script element, whatever the strings in it are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c")
