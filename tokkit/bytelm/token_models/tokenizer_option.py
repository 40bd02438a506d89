"""The option `tokenizer` of every backend: a tokenizer, or whatever one is loaded from."""

from __future__ import annotations

import os
from typing import Any

from tokkit.text.loaded_objects import is_loaded
from tokkit.text.tokenizer import load_tokenizer


def given_tokenizer(tokenizer: Any) -> Any:
    """What the caller gave as a tokenizer, loaded if need be; None stays None.

    Raises:
        FormatError: a file that is missing or damaged.
        UnsupportedError: it asks for something that tokkit does not do.
    """
    if isinstance(tokenizer, str | os.PathLike) or is_loaded(tokenizer):
        return load_tokenizer(tokenizer)
    return tokenizer
