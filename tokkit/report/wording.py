"""How numbers, nouns and texts of others are written, on pages and in terminals alike."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from tokkit.report.section import Scalar


def plural(count: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> plural(1, "token"), plural(2000, "token"), plural(2, "token is", "tokens are")
    ('1 token', '2,000 tokens', '2 tokens are')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def unit_of(value: Scalar, unit: str) -> str:
    """A unit behind its figure.

    >>> unit_of(1, "tokens"), unit_of(2, "tokens"), unit_of(1.0, "bytes a token"), unit_of(1, "%")
    ('token', 'tokens', 'byte a token', '%')
    """
    what, space, rest = unit.partition(" ")
    return what.removesuffix("s") + space + rest if value == 1 and what != "times" else unit


def against(ratio: float, what: str) -> str:
    """How much more or less there is of something, for a sentence.

    >>> against(0.89, "tokens"), against(1.2, "tokens"), against(1.0002, "tokens")
    ('11.0% fewer tokens', '20.0% more tokens', 'as many tokens')
    """
    change = round(100 * (ratio - 1), 1)
    if not change:
        return f"as many {what}"
    return f"{abs(change):.1f}% {'fewer' if change < 0 else 'more'} {what}"


def among(count: int, example: str) -> str:
    """An example behind a sentence about several things, or about one.

    >>> among(1, "'a'"), among(2, "'a'")
    (": 'a'", ", 'a' among them")
    """
    return f": {example}" if count == 1 else f", {example} among them"


def number(value: Scalar, *, unknown: str = "–") -> str:
    """A figure as readers expect it; text as it is.

    >>> number(12345), number(0.25), number(None), number(True)
    ('12,345', '0.25', '–', 'yes')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return unknown
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return value


def size(n_bytes: int) -> str:
    """Bytes in decimal units.

    >>> size(999), size(1500), size(2_000_000)
    ('999 bytes', '1.5 kB', '2.0 MB')
    """
    for unit, letter in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:,.1f} {letter}"
    return plural(n_bytes, "byte")


def listed(names: Sequence[str], most: int) -> str:
    """The first `most` names, and how many there are besides.

    >>> listed("abcd", 3), listed("abc", 3)
    ('a, b, c and 1 more', 'a, b, c')
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def readable(data: bytes) -> str:
    r"""Bytes as text; those that are no UTF-8 as escapes, controls as they are.

    >>> readable(b"a\n\xff")
    'a\n\\xff'
    """
    return data.decode(errors="backslashreplace")


def visible(data: bytes | str, limit: int | None = None) -> str:
    r"""Text in which everything can be seen: controls, odd spaces and broken UTF-8 as escapes.

    >>> visible(b"a b\n\xff")
    'a b\\n\\xff'
    >>> visible("x" * 40, limit=8)
    'xxxxxxxx…'
    """
    text = data if isinstance(data, str) else readable(data)
    cut = "" if limit is None or len(text) <= limit else "…"
    return "".join(char if char.isprintable() else escaped(char) for char in text[:limit]) + cut


def excerpt(data: bytes, *, limit: int = 60) -> str:
    r"""Bytes for a sentence: at most `limit` characters, all as in `visible` but for odd spaces.

    >>> excerpt(b" the"), excerpt(b"\xe4\xbd\n"), excerpt(b"letters", limit=4)
    (' the', '\\xe4\\xbd\\n', 'let…')
    """
    text = readable(data)
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(
        char if char.isprintable() or unicodedata.category(char) == "Zs" else escaped(char)
        for char in short
    )


def quoted(text: str) -> str:
    """A text for a message: quoted, and its code points, unless it is plain ASCII."""
    if text.isascii():
        return repr(text)
    if len(text) > 6:
        return ascii(text)
    return f"{text!r} ({' '.join(f'U+{ord(char):04X}' for char in text)})"


def escaped(char: str) -> str:
    r"""A character by its number, as Python writes it: `\n`, `\x07`, `\u202e`."""
    return char.encode("unicode_escape").decode()
