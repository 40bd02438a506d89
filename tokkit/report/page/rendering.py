"""`Page`, and `render`: one self-contained HTML file.

A Content-Security-Policy forbids every connection, and every script and style but the two in the
file, which it names by their hashes; so nothing in a name or a text of others can run or call home.
Equal pages give equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tokkit.report.page.assets import asset, plain_script, stylesheet
from tokkit.report.page.facts import headline_html
from tokkit.report.page.markup import SIGNS, escape, prose
from tokkit.report.page.tables import section_html
from tokkit.report.section import Fact, Section

LONG_NAME = 30
"""Characters of a name that is set in smaller letters."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page shows, from its top to its foot. Text may be of anyone; only `…_html` is markup.

    Attributes:
        brand: the part of tokkit that made it, in a word.
        kicker: what kind of page it is.
        name: of what it is about.
        description: a line below the name.
        verdict: a sentence below that: what matters most.
        headline: a handful of figures at the top.
        sections: in order, after `parts_html`.
        note: a sentence at the foot: what its figures mean.
        is_repeatable: whether the same input makes the same page, so that its foot may say so.
        warnings: what speaks against the result, before everything below the figures.
        tallies_html, picture_html: above the figures, or nothing.
        parts_html: whole sections of another make, or nothing.
        links: places in `parts_html`, as (id, title), for the bar at the top.
        data_html: what the script reads, or nothing.
        style: added to the family's styles, instead of what a page of sections alone adds.
        script: instead of that of a page of sections alone.
    """

    brand: str
    kicker: str
    name: str
    description: str
    verdict: str
    sections: Sequence[Section]
    note: str
    is_repeatable: bool = True
    headline: Sequence[Fact] = ()
    warnings: Sequence[str] = ()
    tallies_html: str = ""
    picture_html: str = ""
    parts_html: str = ""
    links: tuple[tuple[str, str], ...] = ()
    data_html: str = ""
    style: str = ""
    script: str = ""


def render(page: Page) -> str:
    """The file's content, for UTF-8; equal pages give equal strings."""
    script = page.script or plain_script()
    style = stylesheet(page.style or asset("styles/plain.css"))
    links = [*page.links, *((each.key, each.title) for each in page.sections)]
    if page.warnings:
        links.insert(0, ("warnings", "Warnings"))
    return fill_template(
        asset("template.html"),
        {
            "policy": content_policy(script, style),
            "brand": escape(page.brand),
            "kicker": escape(page.kicker),
            "title": escape(page.name),
            "length": "long" if len(page.name) > LONG_NAME else "short",
            "name": escape(page.name).replace("/", "/<wbr>"),
            "description": escape(page.description),
            "verdict": escape(page.verdict),
            "tallies": page.tallies_html,
            "picture": page.picture_html,
            "figures": headline_html(page.headline),
            "links": "".join(f'<a href="#{escape(k)}">{escape(title)}</a>' for k, title in links),
            "parts": _warnings(page.warnings) + page.parts_html,
            "sections": "".join(map(section_html, page.sections)),
            "note": prose(page.note),
            "again": "; made again, it is the same, byte for byte" if page.is_repeatable else "",
            "data": page.data_html,
            "style": style,
            "script": script,
        },
    )


def _warnings(warnings: Sequence[str]) -> str:
    """A line each; nothing where there are none."""
    if not warnings:
        return ""
    sign = f'<span class="sign" aria-hidden="true">{SIGNS["warning"]}</span>'
    lines = "".join(
        f'<li class="warning">{sign}<p>{escape(warning)}</p></li>' for warning in warnings
    )
    return (
        '<section id="warnings" class="part"><h2>Warnings</h2>'
        f'<ul class="warnings">{lines}</ul></section>'
    )


def content_policy(script: str, style: str) -> str:
    """Forbids every connection, and all scripts and styles but these two."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def fill_template(template: str, parts: Mapping[str, str]) -> str:
    """Put each part in the place of its name in double braces; parts are not searched again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)
