"""Pictures and sounds in a page: the files themselves, in the addresses of their elements."""

from __future__ import annotations

import base64

from tokkit.report.page.markup import escape, prose
from tokkit.report.section import Exhibits

_LEAST_SIDE, _MOST_SIDE = 96, 256
"""Pixels of the page, of a picture's width."""


def exhibits_html(exhibits: Exhibits) -> str:
    """A table of pictures or sounds."""
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in exhibits.heads)
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{_shown(exhibits.media, data, f'{k}, {head}')}</td>"
            for head, data in zip(exhibits.heads, row, strict=True)
        )
        + "</tr>"
        for k, row in enumerate(exhibits.rows, start=1)
    )
    note = f'<p class="hint">{prose(exhibits.note)}</p>' if exhibits.note else ""
    return (
        f'<div class="table exhibits" id="exhibits-{escape(exhibits.key)}">'
        f"<h3>{escape(exhibits.title)}</h3>{note}"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(exhibits.title)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></div>"
    )


def _shown(media: str, data: bytes, name: str) -> str:
    address = f"data:{media};base64,{base64.b64encode(data).decode('ascii')}"
    if media == "audio/wav":
        return f'<audio controls aria-label="{escape(name)}" src="{address}"></audio>'
    own = int.from_bytes(data[16:20], "big")  # of a PNG's header
    width = min(max(own, _LEAST_SIDE), _MOST_SIDE)
    return f'<img alt="{escape(name)}" width="{width}" src="{address}">'
