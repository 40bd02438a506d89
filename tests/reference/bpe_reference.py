"""BPE as its definition reads: a list of tokens, scanned for the lowest rank, leftmost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tokkit.text.spec import TokenizerSpec, TokenKind


def units(spec: TokenizerSpec, piece: bytes) -> list[tuple[int, bytes]]:
    """Split a piece into what merges start from: (token, bytes).

    Raises:
        KeyError: a unit that has no token, and no BYTE tokens for its bytes.
    """
    assert spec.merges is not None
    named = {*spec.merges.left.tolist(), *spec.merges.right.tolist(), *spec.merges.result.tolist()}
    known: dict[bytes, int] = {}
    for kind in (TokenKind.NORMAL, TokenKind.LITERAL):
        for token, spelling in enumerate(spec.token_bytes):
            if spec.kinds[token] == kind and (kind == TokenKind.NORMAL or token in named):
                known.setdefault(spelling, token)
    if not spec.char_units:
        return [(known[piece[i : i + 1]], piece[i : i + 1]) for i in range(len(piece))]
    fallback: dict[bytes, int] = {}
    for token, spelling in enumerate(spec.token_bytes):
        if spec.kinds[token] == TokenKind.BYTE:
            fallback.setdefault(spelling, token)
    out: list[tuple[int, bytes]] = []
    # A surrogate stands for a byte that is not part of valid UTF-8.
    for char in piece.decode("utf-8", "surrogateescape"):
        spelling = char.encode("utf-8", "surrogateescape")
        if spelling in known and not 0xDC80 <= ord(char) <= 0xDCFF:
            out.append((known[spelling], spelling))
        else:
            out += [(fallback[bytes([byte])], bytes([byte])) for byte in spelling]
    return out


def merge(spec: TokenizerSpec, piece: bytes) -> list[int]:
    """Encode one piece by merges alone."""
    assert spec.merges is not None
    table: dict[tuple[int, int], tuple[int, int]] = {}
    columns = (spec.merges.left, spec.merges.right, spec.merges.result, spec.merges.rank)
    for left, right, result, rank in zip(*(column.tolist() for column in columns), strict=True):
        table[left, right] = min(table.get((left, right), (rank, result)), (rank, result))
    tokens = [token for token, _ in units(spec, piece)]
    while True:
        fires = [
            (table[pair][0], i)
            for i, pair in enumerate(zip(tokens, tokens[1:], strict=False))
            if pair in table
        ]
        if not fires:
            return tokens
        i = min(fires)[1]
        tokens[i : i + 2] = [table[tokens[i], tokens[i + 1]][1]]


def encode(spec: TokenizerSpec, piece: bytes) -> list[int]:
    """Encode one piece, with `ignore_merges`."""
    tokens = merge(spec, piece) if piece else []
    if spec.ignore_merges and len(tokens) > 1:
        for token, spelling in enumerate(spec.token_bytes):
            if spelling == piece and spec.kinds[token] == TokenKind.NORMAL:
                return [token]
    return tokens


def stays(spec: TokenizerSpec, tokens: Sequence[int]) -> bool:
    """Whether tokens that may come out of a model are the encoding of their own bytes by merges."""
    if any(spec.kinds[token] not in (TokenKind.NORMAL, TokenKind.BYTE) for token in tokens):
        return False
    try:
        return merge(spec, b"".join(spec.token_bytes[token] for token in tokens)) == list(tokens)
    except KeyError:
        return False


def successor_mask_after(spec: TokenizerSpec, tokens: Sequence[int]) -> np.ndarray:
    """bool (V,): by trying every token."""
    return np.array([stays(spec, [*tokens, token]) for token in range(spec.vocab_size)])
