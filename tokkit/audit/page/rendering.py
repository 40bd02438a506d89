"""`render_page`: the report as one self-contained HTML file.

A Content-Security-Policy forbids every connection, and every script and style but the two in the
file, which it names by their hashes; so nothing in a tokenizer's name or tokens can run or call
home. Equal reports give equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from tokkit.audit.page.assets import asset, page_source, stylesheet
from tokkit.audit.page.findings import findings_html
from tokkit.audit.page.payload import make_payload
from tokkit.audit.page.summary import (
    description,
    figures_html,
    severities_html,
    verdict,
)
from tokkit.audit.page.tables import section_html
from tokkit.audit.report_content import ReportContent
from tokkit.audit.section import Section

LONG_NAME = 30
"""Characters of a name that is set in smaller letters."""


@dataclass(frozen=True)
class Document:
    """What the pages of a report and of a comparison differ in.

    Attributes:
        kicker: what kind of page it is.
        name: of what it is about.
        description: a line below the name.
        verdict: a sentence below that.
        sections: in order, after `parts`.
        severities, picture, figures, parts, data: HTML, or nothing.
        links: places in `parts`, as (id, title), for the bar at the top.
    """

    kicker: str
    name: str
    description: str
    verdict: str
    sections: Sequence[Section]
    severities: str = ""
    picture: str = ""
    figures: str = ""
    parts: str = ""
    links: tuple[tuple[str, str], ...] = ()
    data: str = ""


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
        parts += asset("explorer.html")
        links += (("try", "Try it"), ("tokens", "Tokens"))
        picture = asset("map.html")
        data = (
            f'<script type="application/json" id="tokkit-about">{_json(payload.about)}</script>\n'
            f'<script type="text/plain" id="tokkit-block">{payload.block}</script>'
        )
    return render_document(
        Document(
            kicker="Tokenizer audit",
            name=report.name,
            description=description(report),
            verdict=verdict(report),
            sections=report.sections,
            severities=severities_html(report),
            picture=picture,
            figures=figures_html(report.sections),
            parts=parts,
            links=links,
            data=data,
        )
    )


def render_document(document: Document) -> str:
    """The file's content; equal documents give equal strings."""
    script, style = page_source(), stylesheet()
    sections = [(section.key, section.title) for section in document.sections]
    links = "".join(
        f'<a href="#{escape(key)}">{escape(title)}</a>'
        for key, title in (*document.links, *sections)
    )
    return fill_template(
        asset("template.html"),
        {
            "policy": content_policy(script, style),
            "kicker": escape(document.kicker),
            "title": escape(document.name),
            "length": "long" if len(document.name) > LONG_NAME else "short",
            "name": escape(document.name).replace("/", "/<wbr>"),
            "description": escape(document.description),
            "verdict": escape(document.verdict),
            "severities": document.severities,
            "picture": document.picture,
            "figures": document.figures,
            "links": links,
            "parts": document.parts,
            "sections": "".join(map(section_html, document.sections)),
            "data": document.data,
            "style": style,
            "script": script,
        },
    )


def content_policy(script: str, style: str) -> str:
    """Forbids every connection, and all scripts and styles but these two."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _json(value: object) -> str:
    """JSON that ends no script element, whatever the strings in it are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c")


def fill_template(template: str, parts: Mapping[str, str]) -> str:
    """Put each part in the place of its name in double braces; parts are not searched again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)
