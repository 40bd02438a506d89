"""WordPiece as its definition reads: from the left, the longest token that matches."""

from __future__ import annotations

from tokkit.text.spec import TokenizerSpec, TokenKind


def encode(spec: TokenizerSpec, word: bytes) -> list[int] | None:
    """Encode one word (without a space before it); None if it is unknown."""
    assert spec.continuing is not None
    known: dict[tuple[bool, bytes], int] = {}
    for token, spelling in enumerate(spec.token_bytes):
        goes_on = bool(spec.continuing[token])
        if spec.kinds[token] == TokenKind.NORMAL:
            known.setdefault((goes_on, spelling if goes_on else spelling.removeprefix(b" ")), token)
    if len(word.decode("utf-8", "surrogateescape")) > spec.max_word_chars:
        return None
    ids: list[int] = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            token = known.get((start > 0, word[start:end]))
            if token is not None:
                ids.append(token)
                start = end
                break
        else:
            return None
    return ids
