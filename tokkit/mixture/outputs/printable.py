"""Bytes of merges for a reader."""

from __future__ import annotations


def printable(text: bytes) -> str:
    """Bytes for a reader: spaces as U+2423, control characters and invalid bytes escaped."""
    shown: list[str] = []
    for char in text.decode(errors="backslashreplace"):
        if char == " ":
            shown.append("␣")
        else:
            shown.append(char if char.isprintable() else repr(char)[1:-1])
    return "".join(shown)
