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
from collections.abc import Mapping
from html import escape

from tokkit.audit.page.assets import asset, page_source, stylesheet
from tokkit.audit.page.findings import findings_html
from tokkit.audit.page.payload import make_payload
from tokkit.audit.page.summary import description, figures_html, severities_html, verdict
from tokkit.audit.page.tables import section_html
from tokkit.audit.report import AuditReport


def render_page(report: AuditReport) -> str:
    """The report as one HTML file without references to anything outside it.

    Text that a reader types is encoded canonically, with the tokenizer's normaliser, by an engine
    in the page that first compares itself with `TextTokenizer.encode`.

    Returns:
        The file's content, for UTF-8. Equal reports give equal strings.
    """
    tokenizer = report.subject.text
    script, style = page_source(), stylesheet()
    explorer, picture, data = "", "", ""
    if tokenizer is not None:
        payload = make_payload(report, tokenizer)
        explorer, picture = asset("explorer.html"), asset("map.html")
        data = (
            f'<script type="application/json" id="tokkit-about">{_json(payload.about)}</script>\n'
            f'<script type="text/plain" id="tokkit-block">{payload.block}</script>'
        )
    return _fill(
        asset("template.html"),
        {
            "policy": _policy(script, style),
            "name": escape(report.name),
            "description": escape(description(report)),
            "verdict": escape(verdict(report)),
            "severities": severities_html(report),
            "figures": figures_html(report),
            "links": _links(report),
            "map": picture,
            "explorer": explorer,
            "findings": findings_html(report.findings, tokenizer),
            "sections": "".join(map(section_html, report.sections)),
            "data": data,
            "style": style,
            "script": script,
        },
    )


def _links(report: AuditReport) -> str:
    places = [("findings", "Findings")]
    if report.subject.text is not None:
        places += [("try", "Try it"), ("tokens", "Tokens")]
    places += [(section.key, section.title) for section in report.sections]
    return "".join(f'<a href="#{escape(key)}">{escape(title)}</a>' for key, title in places)


def _policy(script: str, style: str) -> str:
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


def _fill(template: str, parts: Mapping[str, str]) -> str:
    """Put each part in the place of its name in double braces; parts are not searched again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)
