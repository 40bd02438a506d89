"""Tokens at their ids, for formats that hold nothing but NORMAL and control tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tokkit.errors import FormatError
from tokkit.files.reading import MAX_VOCAB_SIZE, check_token_sizes
from tokkit.text.spec import TokenKind


def placed(
    tokens: Mapping[int, bytes], specials: Mapping[str, int], name: str, *, size: int = 0
) -> dict[str, Any]:
    """The fields of a spec that say what stands at which id.

    Args:
        tokens: id -> bytes.
        specials: text of each control token -> id.
        name: for messages.
        size: number of ids, at least.

    Raises:
        FormatError: no tokens, an id out of bounds or taken, a token that is empty or too long.
    """
    if not tokens or max(tokens) >= MAX_VOCAB_SIZE:
        raise FormatError(f"{name}: {len(tokens):,} tokens; expected ids below {MAX_VOCAB_SIZE:,}")
    check_token_sizes(list(map(len, tokens.values())), name)
    kinds = np.full(max(size, 1 + max((*tokens, *specials.values()))), TokenKind.UNUSED, np.uint8)
    kinds[list(tokens)] = TokenKind.NORMAL
    for text, token in specials.items():
        if kinds[token] != TokenKind.UNUSED:
            raise FormatError(f"{name}: the control token {text!r} has the taken id {token}")
        kinds[token] = TokenKind.SPECIAL
    token_bytes = tuple(tokens.get(token, b"") for token in range(len(kinds)))
    return {"token_bytes": token_bytes, "kinds": kinds, "special_tokens": dict(specials)}
