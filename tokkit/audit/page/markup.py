"""Small pieces of HTML: escaped text, numbers, and bytes with everything invisible made visible."""

from __future__ import annotations

import unicodedata
from html import escape

from tokkit.audit.section import Scalar

_SIGNS = {" ": "·", "\n": "↵", "\t": "⇥", "\r": "␍"}
_HIDDEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs", "Mn", "Me")
"""Categories of characters that cannot be seen, or that sit on a character before them."""


def number(value: Scalar) -> str:
    """A figure as readers expect it.

    >>> number(12345), number(0.25), number(None), number(True)
    ('12,345', '0.25', '–', 'yes')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return value


def attribute(value: str) -> str:
    """Text for an attribute in double quotes, line breaks kept."""
    return escape(value).replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")


def visible(data: bytes, *, limit: int = 240) -> str:
    """Bytes as HTML: spaces and controls as signs, what is not UTF-8 in hexadecimal."""
    text = data[:limit].decode(errors="surrogateescape")
    parts: list[str] = []
    sits = False  # whether a mark would sit on a character
    for char in text:
        category = unicodedata.category(char)
        is_mark = category in ("Mn", "Me")
        shown = _visible_character(char) if not (is_mark and sits) else escape(char)
        sits = (is_mark and sits) or (category[0] in "LNPS" or category == "Mc")
        parts.append(shown)
    if len(data) > limit:
        parts.append(f' <span class="more">… {len(data):,} bytes in all</span>')
    return "".join(parts) or '<span class="more">empty</span>'


def _visible_character(char: str) -> str:
    point = ord(char)
    if char in _SIGNS:
        line = "\n" if char == "\n" else ""
        return f'<span class="ws">{_SIGNS[char]}</span>{line}'
    if 0xDC80 <= point <= 0xDCFF:
        return f'<span class="hex">{point - 0xDC00:02X}</span>'
    if unicodedata.category(char) in _HIDDEN:
        return f'<span class="hex">U+{point:04X}</span>'
    return escape(char)


def plural(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    >>> plural(1, "token"), plural(2000, "token")
    ('1 token', '2,000 tokens')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
