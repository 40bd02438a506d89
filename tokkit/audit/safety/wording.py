"""How messages write texts and numbers."""

from __future__ import annotations


def quoted(text: str) -> str:
    """A text for a message: quoted, and its code points, unless it is plain ASCII."""
    if text.isascii():
        return repr(text)
    if len(text) > 6:
        return ascii(text)
    return f"{text!r} ({' '.join(f'U+{ord(char):04X}' for char in text)})"


def counted(n: int, singular: str, plural: str = "") -> str:
    """A number and its noun, in the singular of one: `counted(2, "token")` is `"2 tokens"`."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"
