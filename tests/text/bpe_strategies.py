"""Random little BPE vocabularies, as unlike trained ones as the format allows."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind

BYTE_UNITS = (b"a", b"b", b"c")
CHAR_UNITS = (b"a", b"b", "é".encode(), "日".encode())


@st.composite
def bpe_specs(draw: st.DrawFn, char_units: bool = False, literals: bool = False) -> TokenizerSpec:
    """Vocabularies with merges in any order: improper trees, ties, unreachable tokens."""
    tokens = list(CHAR_UNITS if char_units else BYTE_UNITS)
    entries: list[tuple[int, int, int]] = []
    for _ in range(draw(st.integers(0, 12))):
        left = draw(st.integers(0, len(tokens) - 1))
        right = draw(st.integers(0, len(tokens) - 1))
        spelling = tokens[left] + tokens[right]
        if len(spelling) > 12:
            continue
        # Now and then a second id for the same bytes.
        if spelling in tokens and draw(st.integers(0, 9)) > 0:
            result = tokens.index(spelling)
        else:
            result = len(tokens)
            tokens.append(spelling)
        entries.append((left, right, result))
    if draw(st.booleans()):
        # As tiktoken and SentencePiece read their files: every way to make a token, at one rank.
        entries = [
            (left, right, result)
            for result, spelling in enumerate(tokens)
            for left in range(len(tokens))
            for right in range(len(tokens))
            if tokens[left] + tokens[right] == spelling
        ]
        order = draw(st.permutations(range(len(tokens))))
        ranks = [order[result] for _, _, result in entries]
    elif draw(st.booleans()):
        ranks = draw(st.permutations(range(len(entries))))
    else:
        ranks = [draw(st.integers(0, 4)) for _ in entries]
    kinds = [TokenKind.NORMAL] * len(tokens)
    if literals:
        for token in range(len(BYTE_UNITS), len(tokens)):
            if draw(st.integers(0, 4)) == 0:
                kinds[token] = TokenKind.LITERAL
    tokens += [draw(st.text("ab", min_size=2, max_size=4)).encode(), b""]
    kinds += [TokenKind.NORMAL, TokenKind.SPECIAL]
    if char_units:
        tokens += [bytes([byte]) for byte in range(256)]
        kinds += [TokenKind.BYTE] * 256
    columns = np.array(entries, dtype=np.int32).reshape(-1, 3).T
    return TokenizerSpec(
        name="random",
        family="bpe",
        token_bytes=tuple(tokens),
        kinds=np.array(kinds, dtype=np.uint8),
        merges=MergeTable(columns[0], columns[1], columns[2], np.array(ranks, dtype=np.int32)),
        ignore_merges=draw(st.booleans()),
        char_units=char_units,
    )


def pieces(char_units: bool = False) -> st.SearchStrategy[bytes]:
    """Pieces over the units, with characters that are none and bytes that are no UTF-8."""
    if not char_units:
        return st.lists(st.sampled_from(BYTE_UNITS), max_size=30).map(b"".join)
    parts = (
        *CHAR_UNITS,
        *CHAR_UNITS,
        "è".encode(),
        "本".encode(),
        "😀".encode(),
        b"z",
        b"\xc3",
        b"\xa9",
    )
    return st.lists(st.sampled_from(parts), max_size=20).map(b"".join)
