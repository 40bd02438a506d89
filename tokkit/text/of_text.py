"""A tokenizer where it must be one of text: those of pictures, graphs and speech are refused."""

from __future__ import annotations

from typing import Any

from tokkit.errors import ArgumentError
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer
from tokkit.tokenizer.refusals import SIGNALS


def load_text_tokenizer(source: Any, *, allow_download: bool = False) -> TextTokenizer:
    """`load_tokenizer`, for tokenizers of text.

    Raises:
        ArgumentError: as of `load_tokenizer`; or it is one of another modality.
        FormatError, UnsupportedError: as of `load_tokenizer`.
    """
    loaded = load_tokenizer(source, allow_download=allow_download)
    refuse_other_signals(loaded)
    return loaded


def refuse_other_signals(tokenizer: object) -> None:
    """Refuse a tokenizer of pictures, of the nodes of a graph, or of speech.

    Raises:
        ArgumentError: it is one.
    """
    modality = getattr(tokenizer, "modality", "text")
    if modality != "text":
        name = str(getattr(tokenizer, "name", type(tokenizer).__name__))
        raise ArgumentError(
            f"{name:.60} is a tokenizer of {SIGNALS.get(modality, modality)!s:.60}; expected "
            "one of text"
        )
