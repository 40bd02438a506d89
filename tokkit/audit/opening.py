"""What a user names, as a `Subject`: a tokenizer, a packaged model, a file, a folder, a hub id."""

from __future__ import annotations

import os
from typing import Any, cast

from tokkit.audit.subject import Subject
from tokkit.files.sources import short_name
from tokkit.text.loading import find_file
from tokkit.text.tokenizer import load_tokenizer
from tokkit.tokenizer import Tokenizer


def open_subject(
    source: Any, *, format: str | None = None, allow_download: bool = False
) -> tuple[Subject, str]:
    """The subject, and what to call it: its name or hub id, or that of its file or folder.

    Args:
        source: a tokenizer of any modality, or what `load_tokenizer` takes.
        format: of a file.
        allow_download: whether a hub id may be fetched.

    Raises:
        ArgumentError: an unknown `format`.
        FormatError: the file is missing, damaged or hostile.
        UnsupportedError: it asks for something that tokkit does not do.
    """
    if isinstance(source, Tokenizer):
        tokenizer = cast(Tokenizer[Any], source)
        return Subject(tokenizer), str(getattr(tokenizer, "name", type(tokenizer).__name__))
    if not isinstance(source, str | os.PathLike):
        loaded = load_tokenizer(source, format=format)
        return Subject(loaded), loaded.name
    named = os.fspath(cast("str | os.PathLike[str]", source))
    path = find_file(named, format=format, allow_download=allow_download)
    subject = Subject(load_tokenizer(path, format=format), path)
    return subject, short_name(named, path)
