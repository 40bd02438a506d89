"""What a user names, as a `Subject`: a tokenizer, a packaged model, a file, a folder, a hub id."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tokkit.arguments import check_kind
from tokkit.audit.subject import Subject
from tokkit.files.packaged import PACKAGED, find_packaged
from tokkit.text.loading import find_file
from tokkit.text.tokenizer import load_tokenizer
from tokkit.tokenizer import Tokenizer

_GENERIC_STEMS = {"tokenizer", "tekken", "vocab", "merges", "model"}


def open_subject(
    source: Tokenizer[Any] | str | os.PathLike[str], *, format: str | None = None
) -> tuple[Subject, str]:
    """The subject, and what to call it: a hub id, a telling file name, or that with its folder's.

    Raises:
        ArgumentError: an unknown `format`.
        FormatError: the file is missing, damaged or hostile.
        UnsupportedError: it asks for something that tokkit does not do.
    """
    if isinstance(source, Tokenizer):
        return Subject(source), str(getattr(source, "name", type(source).__name__))
    check_kind(source, (str, os.PathLike), "the tokenizer", "pass one, or the path of its file")
    named = os.fspath(source)
    if named in PACKAGED:
        path = find_packaged(named)
        return Subject(load_tokenizer(path, format=format), path), named
    path = find_file(named, format=format)
    subject = Subject(load_tokenizer(path, format=format), path)
    if not Path(named).exists():
        return subject, named
    folder = path.resolve().parent.name
    if path.name.partition(".")[0] in _GENERIC_STEMS and folder:
        return subject, f"{folder}/{path.name}"
    return subject, path.name
