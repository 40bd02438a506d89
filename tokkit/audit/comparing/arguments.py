"""Which names of a command line are tokenizers, and which are texts: `split_names`.

Mostly that is told by their names and how the files begin, so that a command which cannot be is
refused before a tokenizer is loaded. Of some files only loading tells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tokkit.audit.opening import names_apart, open_text
from tokkit.errors import ArgumentError, FormatError, refused_by_system
from tokkit.files.gguf_headers import is_gguf
from tokkit.files.reading import read_bounded, read_head
from tokkit.files.registry import is_saved
from tokkit.files.sources import meaning_of
from tokkit.text.loading import find_file, sniff_format
from tokkit.text.tokenizer import TextTokenizer

_OF_TOKENIZERS = {".model", ".tiktoken", ".gguf", ".tokkit"}
_NAMES_OF_TOKENIZERS = {"tokenizer.json", "tekken.json", "vocab.json", "bpe.codes", "vocab.bpe"}
_JSON_OF_TOKENIZERS = (
    (re.compile(rb'"model"\s*:\s*\{'), re.compile(rb'"vocab"\s*:')),
    (re.compile(rb'"config"\s*:\s*\{'), re.compile(rb'"vocab"\s*:\s*\[')),
)
"""What stands in a `tokenizer.json`, and in a tekken file."""

_HEAD_BYTES = 8192
"""As `sniff_format` wants them."""

Kind = Literal["tokenizer", "text", "unsure"]


@dataclass(frozen=True)
class Split:
    """Names of a command line.

    Attributes:
        tokenizers: those before the first that is surely a text.
        texts: the others, files or folders.
        is_sure: whether all of `tokenizers` are such.
    """

    tokenizers: tuple[str, ...]
    texts: tuple[Path, ...]
    is_sure: bool

    def open(self, *, allow_download: bool = False) -> tuple[dict[str, TextTokenizer], list[Path]]:
        """The tokenizers by what a report calls them, and the texts.

        The texts begin with the first name that holds no tokenizer.

        Raises:
            ArgumentError: a name behind the texts that is no path.
            FormatError: no tokenizer at the beginning, or one that is damaged.
        """
        opened: list[tuple[TextTokenizer, str, Path | None]] = []
        rest = list(self.tokenizers)
        while rest:
            try:
                opened.append(open_text(rest[0], allow_download=allow_download))
            except FormatError:
                if not opened or kind_of(rest[0]) == "tokenizer":
                    raise
                break
            del rest[0]
        _refuse_behind(rest)
        called = names_apart([(name, path) for _, name, path in opened])
        tokenizers = {name: each for name, (each, _, _) in zip(called, opened, strict=True)}
        return tokenizers, [*map(Path, rest), *self.texts]


def split_names(names: Sequence[str]) -> Split:
    """Tokenizers, which come first, and texts; nothing is loaded.

    Raises:
        ArgumentError: a name behind the texts that is no path.
        FormatError: no tokenizer at the beginning.
    """
    try:
        kinds: list[Kind] = [_look_at(names[0])]
    except FormatError as error:
        raise FormatError(f"{error}; tokenizers come first, then the texts") from error
    for name in names[1:]:
        if (kind := kind_of(name)) == "text":
            break
        kinds.append(kind)
    texts = names[len(kinds) :]
    _refuse_behind(texts)
    is_sure = "unsure" not in kinds
    return Split(tuple(names[: len(kinds)]), tuple(map(Path, texts)), is_sure)


def kind_of(name: str) -> Kind:
    """What a name holds, by itself and how its file begins.

    What is called as tokenizers are (`tokenizer.json`, `….model`) is never a text, even where it is
    damaged.
    """
    try:
        return _look_at(name)
    except FormatError:
        return "text"


def _look_at(name: str) -> Kind:
    """See `kind_of`; a `FormatError` where it is surely no tokenizer."""
    if meaning_of(name) != "path" or is_saved(name):
        return "tokenizer"
    path = find_file(name)  # that of a folder
    if path.suffix in _OF_TOKENIZERS or path.name in _NAMES_OF_TOKENIZERS or is_gguf(path):
        return "tokenizer"
    with refused_by_system(f"read {name!r}"):
        head = read_head(path, _HEAD_BYTES)
    if sniff_format(head, path) != "json":
        return "unsure"
    data = read_bounded(path)
    if any(all(each.search(data) for each in parts) for parts in _JSON_OF_TOKENIZERS):
        return "tokenizer"
    raise FormatError(f"{name}: JSON, but that of no tokenizer")


def _refuse_behind(names: Sequence[str]) -> None:
    """Refuse what is no path among texts."""
    for name in names:
        if meaning_of(name) != "path":
            raise ArgumentError(
                f"{name!r} stands behind {names[0]!r}, which is no tokenizer; tokenizers come "
                "first, then the texts"
            )
