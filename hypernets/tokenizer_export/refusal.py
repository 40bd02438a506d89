"""How a tokenizer is refused that no tokenizer.json can stand for."""

from __future__ import annotations

from tokkit.errors import UnsupportedError
from tokkit.text.spec import TokenizerSpec


def refused(spec: TokenizerSpec, what: str) -> UnsupportedError:
    """The error for something that the `tokenizers` library does in another way, or not at all.

    Args:
        spec: the tokenizer.
        what: it does, as a sentence goes on after its name.
    """
    return UnsupportedError(
        f"{spec.name}: the tokenizer {what}; no fast tokenizer of transformers gives the same ids. "
        "Pass the tokenizer.json that goes with it, if there is one, or another tokenizer"
    )
