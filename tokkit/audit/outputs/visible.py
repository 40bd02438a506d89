"""Bytes and untrusted text as something that a reader can see."""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(data: bytes | str, limit: int | None = None) -> str:
    r"""Text in which everything can be seen: controls, odd spaces and broken UTF-8 as escapes.

    >>> visible(b"a b\n\xff")
    'a b\\n\\xff'
    >>> visible("x" * 40, limit=8)
    'xxxxxxxx…'
    """
    text = data if isinstance(data, str) else data.decode(errors="backslashreplace")
    shown = text if limit is None else text[:limit]
    escaped = "".join(_escape(char) for char in shown)
    return escaped if len(shown) == len(text) else escaped + "…"


def _escape(char: str) -> str:
    category = unicodedata.category(char)
    if category in _HIDDEN or (category == "Zs" and char != " "):
        return char.encode("unicode_escape").decode()
    return char
