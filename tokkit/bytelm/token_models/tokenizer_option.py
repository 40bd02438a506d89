"""The option `tokenizer` of every backend: a tokenizer, or whatever one is loaded from."""

from __future__ import annotations

import os
from typing import Any

from tokkit.errors import ArgumentError
from tokkit.text.loaded_objects import is_loaded
from tokkit.text.tokenizer import load_tokenizer


def given_tokenizer(tokenizer: Any) -> Any:
    """What the caller gave as a tokenizer, loaded if need be; None stays None.

    Raises:
        FormatError: a file that is missing or damaged.
        UnsupportedError: it asks for something that tokkit does not do.
        ArgumentError: nothing that a tokenizer is loaded from.
    """
    if isinstance(tokenizer, str | os.PathLike) or is_loaded(tokenizer):
        return load_tokenizer(tokenizer)
    if tokenizer is not None:
        check_tokenizer(tokenizer)
    return tokenizer


def check_tokenizer(tokenizer: object) -> None:
    """Refuse what has no vocabulary.

    Raises:
        ArgumentError: it has none.
    """
    if not hasattr(tokenizer, "vocab_size"):
        raise ArgumentError(
            f"the tokenizer is {tokenizer!r:.60}; load one with load_tokenizer, or pass its path"
        )
