"""Texts that a caller gives, one or several, each with its name: `read_documents`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from tokkit.arguments import as_bytes, check_kind
from tokkit.errors import ArgumentError
from tokkit.files.reading import read_whole

Text: TypeAlias = str | bytes | os.PathLike[str]
"""A `str` or `bytes` is the text itself, never the name of a file; a path is a file with it."""
_TEXT = (str, bytes, os.PathLike)


def read_documents(data: Text | Iterable[Text]) -> list[tuple[str, bytes]]:
    """Name and bytes of each text: the path of a file, `text 2` for the second of the texts.

    Raises:
        ArgumentError: no texts, or not one byte in all of them.
        FormatError: a file that cannot be read.
    """
    found = [
        _document(text, place) for place, text in enumerate(one_or_several(data, _TEXT, "data"), 1)
    ]
    if not any(text for _, text in found):
        raise ArgumentError("the text is empty, so it has no bits per byte; give at least one byte")
    return found


def one_or_several(given: Any, single: tuple[type, ...], name: str) -> list[Any]:
    """One thing of certain types as a list of it; of anything else what it goes through.

    Raises:
        ArgumentError: neither.
    """
    if isinstance(given, single):
        return [given]
    check_kind(given, Iterable, name, "pass one, or a list of them")
    if isinstance(given, Mapping):  # else its names would be read as texts
        raise ArgumentError(f"{name} is a mapping; pass its values as a list")
    return list(given)


def _document(text: Text, place: int) -> tuple[str, bytes]:
    if isinstance(text, os.PathLike):
        return os.fspath(text), read_whole(text)
    return f"text {place}", as_bytes(text)
