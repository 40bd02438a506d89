"""How a token is shown to a reader."""

from __future__ import annotations

import unicodedata


def shown(data: bytes, *, limit: int = 60) -> str:
    r"""The bytes as text; control characters and bytes that are no text as escapes.

    >>> shown(b" the"), shown(b"\xe4\xbd"), shown("a\n".encode())
    (' the', '\\xe4\\xbd', 'a\\n')
    """
    text = data.decode(errors="backslashreplace")
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(map(_visible, short))


def _visible(char: str) -> str:
    if unicodedata.category(char) in ("Cc", "Cf", "Cn", "Co", "Zl", "Zp", "Cs"):
        return char.encode("unicode_escape").decode()
    return char


def plural(count: int, noun: str) -> str:
    """The number with the noun.

    >>> plural(1, "token"), plural(1200, "token")
    ('1 token', '1,200 tokens')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
