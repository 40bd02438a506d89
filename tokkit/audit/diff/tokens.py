"""Tokens that were added, removed and moved.

A token is the same in both when it stands for the same bytes in the same way: produced by the model
(in WordPiece, within a word or at its start), one byte of an unknown character, cut out before the
model, or a control token of the same text. Tokens that moved together, by the same number of ids,
are listed as one range.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tokkit.text.spec import TokenizerSpec, TokenKind

Identity = tuple[str, bytes]
_KINDS = {
    TokenKind.NORMAL: "normal",
    TokenKind.BYTE: "byte",
    TokenKind.LITERAL: "literal",
    TokenKind.SPECIAL: "special",
    TokenKind.DECODE_ONLY: "decoded only",
}


@dataclass(frozen=True)
class Token:
    """A token of one of both: its id, how it comes to stand in an encoding, its bytes or text."""

    id: int
    kind: str
    data: bytes


@dataclass(frozen=True)
class MovedRange:
    """Ids `first` to `last` before, which are all `offset` higher now (lower, if negative).

    Ids between them that were removed, or stand for nothing, are not counted in `n_tokens`.
    """

    first: int
    last: int
    offset: int
    n_tokens: int


@dataclass(frozen=True)
class TokenChanges:
    """What became of the tokens.

    Attributes:
        added: by id now.
        removed: by id before.
        moved: by id before.
        n_same: tokens with the same id in both.
    """

    added: tuple[Token, ...]
    removed: tuple[Token, ...]
    moved: tuple[MovedRange, ...]
    n_same: int

    @property
    def n_moved(self) -> int:
        """Tokens that have another id now."""
        return sum(each.n_tokens for each in self.moved)


def compare_tokens(before: TokenizerSpec, after: TokenizerSpec) -> TokenChanges:
    """Compare two vocabularies."""
    old, new = _ids_by_identity(before), _ids_by_identity(after)
    added: list[Token] = []
    removed: list[Token] = []
    pairs: list[tuple[int, int]] = []
    for identity in old.keys() | new.keys():
        then, now = old.get(identity, []), new.get(identity, [])
        kept = [token for token in then if token in now]  # duplicates: first those that stayed
        pairs += [(token, token) for token in kept]
        then = [token for token in then if token not in kept]
        now = [token for token in now if token not in kept]
        n = min(len(then), len(now))
        pairs += list(zip(then[:n], now[:n], strict=True))
        removed += [Token(token, *identity) for token in then[n:]]
        added += [Token(token, *identity) for token in now[n:]]
    pairs.sort()
    return TokenChanges(
        added=tuple(sorted(added, key=lambda token: token.id)),
        removed=tuple(sorted(removed, key=lambda token: token.id)),
        moved=tuple(_ranges(pairs)),
        n_same=sum(a == b for a, b in pairs),
    )


def _ids_by_identity(spec: TokenizerSpec) -> dict[Identity, list[int]]:
    names = {token: text for text, token in spec.special_tokens.items()}
    found: dict[Identity, list[int]] = defaultdict(list)
    for token, kind in enumerate(spec.kinds.tolist()):
        if kind == TokenKind.UNUSED:
            continue
        name, data = _KINDS[TokenKind(kind)], spec.token_bytes[token]
        if kind == TokenKind.SPECIAL:
            data = names.get(token, "").encode()
        elif spec.continuing is not None and spec.continuing[token]:
            name = "continuing"
        found[name, data].append(token)
    return found


def _ranges(pairs: list[tuple[int, int]]) -> list[MovedRange]:
    """Neighbours that moved by the same offset, joined. `pairs` are sorted by the id before."""
    ranges: list[MovedRange] = []
    joins = False
    for before, after in pairs:
        offset = after - before
        if offset == 0:
            joins = False
        elif joins and ranges[-1].offset == offset:
            last = ranges[-1]
            ranges[-1] = MovedRange(last.first, before, offset, last.n_tokens + 1)
        else:
            ranges.append(MovedRange(before, before, offset, 1))
            joins = True
    return ranges
