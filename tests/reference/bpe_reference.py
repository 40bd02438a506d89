"""BPE as its definition reads: a list of tokens, scanned for the lowest rank, leftmost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tokkit.text.spec import TokenizerSpec, TokenKind


class Bpe:
    """Encoding of pieces by one vocabulary and its merges."""

    def __init__(self, spec: TokenizerSpec) -> None:
        assert spec.merges is not None
        self.spec = spec
        columns = (spec.merges.left, spec.merges.right, spec.merges.result, spec.merges.rank)
        entries = list(zip(*(column.tolist() for column in columns), strict=True))
        self.merges: dict[tuple[int, int], tuple[int, int]] = {}
        for left, right, result, rank in entries:
            known = self.merges.get((left, right), (rank, result))
            self.merges[left, right] = min(known, (rank, result))
        named = {token for left, right, result, _ in entries for token in (left, right, result)}
        self.normal: dict[bytes, int] = {}
        literal: dict[bytes, int] = {}
        self.fallback: dict[bytes, int] = {}
        for token, spelling in enumerate(spec.token_bytes):
            if spec.kinds[token] == TokenKind.NORMAL:
                self.normal.setdefault(spelling, token)
            elif spec.kinds[token] == TokenKind.LITERAL and token in named:
                literal.setdefault(spelling, token)
            elif spec.kinds[token] == TokenKind.BYTE:
                self.fallback.setdefault(spelling, token)
        self.known = {**literal, **self.normal}

    def units(self, piece: bytes) -> list[int]:
        """What merges start from.

        Raises:
            KeyError: a unit that has no token, and no BYTE tokens for its bytes.
        """
        if not self.spec.char_units:
            return [self.known[piece[i : i + 1]] for i in range(len(piece))]
        out: list[int] = []
        # A surrogate stands for a byte that is not part of valid UTF-8.
        for char in piece.decode("utf-8", "surrogateescape"):
            spelling = char.encode("utf-8", "surrogateescape")
            if spelling in self.known and not 0xDC80 <= ord(char) <= 0xDCFF:
                out.append(self.known[spelling])
            else:
                out += [self.fallback[bytes([byte])] for byte in spelling]
        return out

    def encode_with_unknown(self, piece: bytes) -> list[int]:
        """Encode one piece; units without a token become `unk_id`, runs of them if they fuse."""
        if self.spec.ignore_merges and piece in self.normal:
            return [self.normal[piece]]
        whole = piece.decode("utf-8", "surrogateescape") if self.spec.char_units else piece
        out: list[int] = []
        known = b""
        was_unknown = False
        for k in range(len(whole)):
            unit = whole[k : k + 1]
            spelling = unit if isinstance(unit, bytes) else unit.encode("utf-8", "surrogateescape")
            try:
                self.units(spelling)
            except KeyError:
                out += self.merge(known)
                known = b""
                if not (was_unknown and self.spec.fuse_unk):
                    assert self.spec.unk_id is not None
                    out.append(self.spec.unk_id)
                was_unknown = True
            else:
                known += spelling
                was_unknown = False
        return out + self.merge(known)

    def merge(self, piece: bytes) -> list[int]:
        """Encode one piece by merges alone."""
        tokens = self.units(piece)
        while True:
            fires = [
                (self.merges[pair][0], i)
                for i, pair in enumerate(pairwise(tokens))
                if pair in self.merges
            ]
            if not fires:
                return tokens
            i = min(fires)[1]
            tokens[i : i + 2] = [self.merges[tokens[i], tokens[i + 1]][1]]

    def encode(self, piece: bytes) -> list[int]:
        """Encode one piece, with `ignore_merges`."""
        tokens = self.merge(piece)
        if self.spec.ignore_merges and len(tokens) > 1 and piece in self.normal:
            return [self.normal[piece]]
        return tokens

    def stays(self, tokens: Sequence[int]) -> bool:
        """Whether tokens that a model may return are the encoding of their bytes by merges."""
        kinds = self.spec.kinds
        if any(kinds[token] not in (TokenKind.NORMAL, TokenKind.BYTE) for token in tokens):
            return False
        try:
            return self.merge(b"".join(self.spec.token_bytes[t] for t in tokens)) == list(tokens)
        except KeyError:
            return False

    def successors(self, tokens: Sequence[int]) -> list[bool]:
        """Which tokens may follow, by trying every one."""
        return [self.stays([*tokens, token]) for token in range(self.spec.vocab_size)]


def encode(spec: TokenizerSpec, piece: bytes) -> list[int]:
    """Encode one piece."""
    return Bpe(spec).encode(piece)
