"""BPE over words whose tokens tell where they stand, as its definition has it."""

from __future__ import annotations

from itertools import pairwise, product

from tokkit.text.spec import TokenizerSpec, TokenKind


def encode(spec: TokenizerSpec, word: str) -> list[int] | None:
    """The ids of one word of a toy without space behind its words; None if it has none."""
    units: dict[tuple[bytes, bool, bool], int] = {}
    for token, data in reversed(list(enumerate(spec.token_bytes))):
        if spec.kinds[token] == TokenKind.NORMAL:
            inside = spec.continuing is not None and bool(spec.continuing[token])
            final = spec.word_final is not None and bool(spec.word_final[token])
            units[data, inside, final] = token
    ids = [
        units.get((
            char.encode(),
            spec.continuing is not None and i > 0,
            spec.word_final is not None and i == len(word) - 1,
        ))
        for i, char in enumerate(word)
    ]  # fmt: skip
    if None in ids:
        return None
    assert spec.merges is not None
    table = spec.merges
    merges: dict[tuple[int | None, int | None], tuple[int, int]] = {}
    for left, right, result, rank in zip(
        table.left.tolist(), table.right.tolist(), table.result.tolist(), table.rank.tolist(),
        strict=True,
    ):  # fmt: skip
        merges[left, right] = min(merges.get((left, right), (rank, result)), (rank, result))
    while True:
        found = [
            (merges[pair][0], i) for i, pair in enumerate(pairwise(ids))
            if pair in merges
        ]  # fmt: skip
        if not found:
            return [token for token in ids if token is not None]
        _, i = min(found)
        ids[i : i + 2] = [merges[ids[i], ids[i + 1]][1]]


def prefixes(spec: TokenizerSpec, alphabet: str, longest: int) -> set[tuple[int, ...]]:
    """All prefixes of encodings of words of up to `longest` characters."""
    found: set[tuple[int, ...]] = {()}
    for size in range(1, longest + 1):
        for chars in product(alphabet, repeat=size):
            ids = encode(spec, "".join(chars))
            if ids is not None:
                found |= {tuple(ids[:n]) for n in range(1, len(ids) + 1)}
    return found
