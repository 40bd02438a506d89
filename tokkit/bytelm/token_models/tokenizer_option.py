"""The option `tokenizer` of every backend: a tokenizer, or whatever one is loaded from."""

from __future__ import annotations

import os
from typing import Any

from tokkit.errors import ArgumentError, ModelError
from tokkit.text.loaded_objects import is_loaded
from tokkit.text.of_text import load_text_tokenizer, refuse_other_signals


def given_tokenizer(tokenizer: Any) -> Any:
    """What the caller gave as a tokenizer, loaded if need be; None stays None.

    Raises:
        FormatError: a file that is missing or damaged.
        UnsupportedError: it asks for something that tokkit does not do.
        ArgumentError: nothing that a tokenizer is loaded from.
    """
    if isinstance(tokenizer, str | os.PathLike) or is_loaded(tokenizer):
        return load_text_tokenizer(tokenizer)
    if tokenizer is not None:
        check_tokenizer(tokenizer)
    return tokenizer


def check_tokenizer(tokenizer: object) -> None:
    """Refuse what has no vocabulary of text.

    Raises:
        ArgumentError: it has none.
    """
    if not hasattr(tokenizer, "vocab_size"):
        raise ArgumentError(
            f"the tokenizer is {tokenizer!r:.60}; load one with load_tokenizer, or pass its path"
        )
    refuse_other_signals(tokenizer)


def check_columns(name: str, n_columns: int, vocab_size: int) -> None:
    """Refuse a tokenizer of another model: one with more ids than columns, or far fewer.

    Args:
        name: of the model, for the message.
        n_columns: ids that the model reads and predicts; some are padding.
        vocab_size: ids of the tokenizer.

    Raises:
        ModelError: they cannot belong together.
    """
    if not vocab_size <= n_columns <= vocab_size * 1.1 + 1024:
        tokens = f", far more than the tokenizer's {vocab_size}"
        if n_columns < vocab_size:
            tokens = f" and the tokenizer {vocab_size}"
        raise ModelError(
            f"{name}: a model whose vocabulary does not match its tokenizer: the model has "
            f"{n_columns} ids{tokens}; load the tokenizer that came with the model"
        )
