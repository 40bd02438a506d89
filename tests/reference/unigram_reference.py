"""Unigram segmentation by recursion over the last piece, longest first."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tokkit.text.spec import TokenizerSpec, TokenKind


def characters(piece: bytes) -> list[int]:
    """Ends of the characters of a piece; a byte that is not valid UTF-8 counts as one."""
    ends = [0]
    for char in piece.decode("utf-8", "surrogateescape"):
        ends.append(ends[-1] + len(char.encode("utf-8", "surrogateescape")))
    return ends[1:]


def encode(spec: TokenizerSpec, piece: bytes, *, single: bool = False) -> list[int]:
    """Encode one piece.

    Raises:
        KeyError: an unknown character, and no BYTE tokens for its bytes.
    """
    assert spec.scores is not None
    pieces: dict[bytes, int] = {}
    fallback: dict[bytes, int] = {}
    for token, spelling in enumerate(spec.token_bytes):
        if spec.kinds[token] == TokenKind.NORMAL and spelling:
            pieces.setdefault(spelling, token)
        elif spec.kinds[token] == TokenKind.BYTE:
            fallback.setdefault(spelling, token)
    ends = characters(piece)
    start_of = dict(zip(ends, [0, *ends], strict=False))

    @lru_cache(maxsize=None)
    def best(end: int) -> tuple[float, int] | None:
        """Score of the best path to `end`, and where its last piece begins."""
        if end == 0:
            return 0.0, 0
        found: tuple[float, int] | None = None
        for start in range(end):
            before = best(start)
            if before is None:
                continue
            token = pieces.get(piece[start:end])
            if token is not None:
                score = before[0] + float(spec.scores[token])
            elif start_of.get(end) == start:
                score = before[0] + spec.unk_score
            else:
                continue
            if found is None or score > found[0]:
                found = (float(np.float32(score)) if single else score, start)
        return found

    ids: list[int] = []
    end = len(piece)
    while end:
        step = best(end)
        assert step is not None
        spelling = piece[step[1] : end]
        if spelling in pieces:
            ids.append(pieces[spelling])
        else:
            ids += [fallback[bytes([byte])] for byte in reversed(spelling)]
        end = step[1]
    return ids[::-1]
