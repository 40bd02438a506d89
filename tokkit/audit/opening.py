"""What a user names, as a `Subject`: a tokenizer, a packaged model, a file, a folder, a hub id."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tokkit.audit.subject import Subject
from tokkit.errors import ArgumentError
from tokkit.files.registry import is_saved
from tokkit.files.sources import short_name
from tokkit.text.loading import find_file
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer
from tokkit.tokenizer import Tokenizer
from tokkit.tokenizer.refusals import SIGNALS


def name_of(tokenizer: Tokenizer[Any]) -> str:
    """What to call a tokenizer that is loaded."""
    return str(getattr(tokenizer, "name", type(tokenizer).__name__))


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
        return Subject(tokenizer), name_of(tokenizer)
    if not isinstance(source, str | os.PathLike):
        loaded = load_tokenizer(source, format=format)
        return Subject(loaded), loaded.name
    named = os.fspath(cast("str | os.PathLike[str]", source))
    if is_saved(named):
        saved = load_tokenizer(named)
        if not isinstance(saved, TextTokenizer):  # pyright: ignore[reportUnnecessaryIsInstance]
            return Subject(saved), Path(named).resolve().name
    path = find_file(named, format=format, allow_download=allow_download)
    subject = Subject(load_tokenizer(path, format=format), path)
    return subject, short_name(named, path)


def open_text(
    source: Any, *, allow_download: bool = False
) -> tuple[TextTokenizer, str, Path | None]:
    """A text tokenizer, what to call it, and its file, if it has one.

    Raises:
        ArgumentError: a tokenizer of something else than text.
        FormatError: the file is missing, damaged or hostile.
        UnsupportedError: it asks for something that tokkit does not do.
    """
    subject, name = open_subject(source, allow_download=allow_download)
    if subject.text is None:
        raise ArgumentError(
            f"{name} is a tokenizer of {SIGNALS[subject.tokenizer.modality]}; only those of text "
            "are compared"
        )
    return subject.text, name, subject.path


def names_apart(found: Sequence[tuple[str, Path | None]]) -> list[str]:
    """Names of which no two are the same: those of files get further folders, others a number.

    >>> names_apart([("t.json", Path("/a/x/t.json")), ("t.json", Path("/b/x/t.json"))])
    ['a/x/t.json', 'b/x/t.json']
    >>> names_apart([("gpt2", None), ("gpt2", None)])
    ['gpt2 (1)', 'gpt2 (2)']
    """
    names = [name for name, _ in found]
    repeated = {name for name in names if names.count(name) > 1}
    for again in repeated:
        places = [k for k, name in enumerate(names) if name == again]
        paths = [found[k][1] for k in places]
        longer = _longer([path.resolve() for path in paths if path is not None])
        for number, k in enumerate(places, 1):
            is_told = None not in paths and len(set(longer)) == len(places)
            names[k] = longer[number - 1] if is_told else f"{again} ({number})"
    return names


def _longer(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of paths by which they can be told apart, if they can."""
    deepest = max((len(path.parts) for path in paths), default=0)
    ends: list[str] = []
    for n_parts in range(2, deepest):
        ends = ["/".join(path.parts[-n_parts:]) for path in paths]
        if len(set(ends)) == len(ends):
            break
    return ends
