"""The ids of a text that a vocabulary may not be able to express: no probe may end an audit."""

from __future__ import annotations

from tokkit.errors import EncodingError
from tokkit.text.spec import Unknown
from tokkit.text.tokenizer import TextTokenizer


def ids_or_none(
    tokenizer: TextTokenizer, text: str | bytes, *, unk: Unknown = "raise"
) -> tuple[int, ...] | None:
    """The ids of a text; None where the vocabulary cannot express it.

    Args:
        tokenizer: that encodes it.
        text: to encode.
        unk: see `TextTokenizer.encode`.
    """
    try:
        return tuple(tokenizer.encode(text, unk=unk))
    except EncodingError:
        return None
