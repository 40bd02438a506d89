"""Small pieces of HTML: escaped text, badges, and bytes with everything invisible made visible."""

from __future__ import annotations

import html
import re
import unicodedata

from tokkit.report.wording import escaped

SIGNS = {"error": "●", "warning": "▲", "note": "■"}
"""Of how serious something is, beside the word, for those who do not tell the colours apart."""

_SPACES = {" ": "·", "\n": "↵", "\t": "⇥", "\r": "␍"}
_HIDDEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs", "Mn", "Me")
"""Categories of characters that cannot be seen, or that sit on a character before them."""

_UNFIT = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Controls, marks that reorder text, and halves of characters, which no file can hold."""


def escape(text: str) -> str:
    """Text of anyone for an element or an attribute in quotes; what is unfit by its number."""
    return html.escape(_UNFIT.sub(lambda match: escaped(match[0]), text))


def prose(text: str) -> str:
    """A sentence of ours as HTML: what stands between backticks is code.

    >>> prose("`a < b` of x")
    '<code>a &lt; b</code> of x'
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def attribute(value: str) -> str:
    """Text for an attribute in double quotes, exactly: scripts read it."""
    return html.escape(value).replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")


def badge(level: str) -> str:
    """How serious something is: "error", "warning" or "note"."""
    return (
        f'<span class="badge {level}"><span aria-hidden="true">{SIGNS[level]}</span> '
        f'<span class="word">{level}</span></span>'
    )


def visible_html(data: bytes, *, limit: int = 240) -> str:
    """Bytes as HTML: spaces and controls as signs, what is not UTF-8 in hexadecimal."""
    text = data[:limit].decode(errors="surrogateescape")
    parts: list[str] = []
    sits = False  # whether a mark would sit on a character
    for char in text:
        category = unicodedata.category(char)
        is_mark = category in ("Mn", "Me")
        shown = _visible_character(char) if not (is_mark and sits) else html.escape(char)
        sits = (is_mark and sits) or (category[0] in "LNPS" or category == "Mc")
        parts.append(shown)
    if len(data) > limit:
        parts.append(f' <span class="more">… {len(data):,} bytes in all</span>')
    return "".join(parts) or '<span class="more">empty</span>'


def _visible_character(char: str) -> str:
    point = ord(char)
    if char in _SPACES:
        line = "\n" if char == "\n" else ""
        return f'<span class="ws">{_SPACES[char]}</span>{line}'
    if 0xDC80 <= point <= 0xDCFF:
        return f'<span class="hex">{point - 0xDC00:02X}</span>'
    if unicodedata.category(char) in _HIDDEN:
        return f'<span class="hex">U+{point:04X}</span>'
    return html.escape(char)
