"""`split_names`: which names of a command line are tokenizers, and which are texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokkit.audit.opening import names_apart, open_text
from tokkit.errors import ArgumentError, FormatError
from tokkit.files.sources import meaning_of
from tokkit.text.tokenizer import TextTokenizer

_OF_TOKENIZERS = {".model", ".tiktoken", ".gguf", ".tokkit"}
_NAMES_OF_TOKENIZERS = {"tokenizer.json", "tekken.json", "vocab.json", "bpe.codes", "vocab.bpe"}


def split_names(
    names: Sequence[str], *, allow_download: bool = False
) -> tuple[dict[str, TextTokenizer], list[Path]]:
    """The tokenizers, which come first, and the files or folders of texts behind them.

    The texts begin with the first name that holds no tokenizer. What is called as tokenizers are
    (`tokenizer.json`, `….model`) and cannot be read is an error, never a text.

    Raises:
        ArgumentError: no tokenizer at the beginning, or a name behind the texts that is no path.
        FormatError: a tokenizer that is damaged.
    """
    opened: list[tuple[TextTokenizer, str, Path | None]] = []
    rest = list(names)
    while rest:
        try:
            opened.append(open_text(rest[0], allow_download=allow_download))
        except FormatError:
            if not opened or not _may_be_text(rest[0]):
                raise
            break
        del rest[0]
    for name in rest:
        if meaning_of(name) != "path":
            raise ArgumentError(
                f"{name!r} stands behind {rest[0]!r}, which is no tokenizer; tokenizers come "
                "first, then the texts"
            )
    called = names_apart([(name, path) for _, name, path in opened])
    tokenizers = {name: each for name, (each, _, _) in zip(called, opened, strict=True)}
    return tokenizers, list(map(Path, rest))


def _may_be_text(name: str) -> bool:
    if meaning_of(name) != "path":
        return False
    path = Path(name)
    return path.suffix not in _OF_TOKENIZERS and path.name not in _NAMES_OF_TOKENIZERS
