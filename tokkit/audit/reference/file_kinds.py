"""Which library a tokenizer's file belongs to, and what is known of it without running it."""

from __future__ import annotations

from pathlib import Path

from tokkit.errors import FormatError
from tokkit.text.loading import sniff_format

_BEGINNING = 8192
_MAX_READ = 1 << 30


def kind_of(data: bytes, path: Path) -> str:
    """What a file is: one of the formats of `load_tokenizer`.

    Args:
        data: the file.
        path: for its name.

    Raises:
        FormatError: none of the formats.
    """
    if data[:4] == b"GGUF":
        return "gguf"
    kind = sniff_format(data[:_BEGINNING], path)
    if kind != "json":
        return kind
    # Both keys are required; parsing all of a large file to see that takes a second.
    is_tekken = b'"default_num_special_tokens"' in data and b'"token_bytes"' in data
    return "tekken" if is_tekken else "hf"


def keeps_text(path: Path | None) -> bool:
    """Whether the plain call of the file's library never makes a control token of text.

    `sentencepiece` and `mistral_common` leave it text, and `tiktoken` refuses it.
    """
    if path is None or path.stat().st_size > _MAX_READ:
        return False
    try:
        return kind_of(path.read_bytes(), path) in ("sentencepiece", "tekken", "tiktoken")
    except (FormatError, OSError):
        return False
