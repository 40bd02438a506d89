"""What every segment model needs from a vocabulary: its bytes in one array, and tries over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, UnsupportedError
from tokkit.kernels.segmentation import trie
from tokkit.text.spec import TokenizerSpec, TokenKind


@dataclass(frozen=True)
class Blob:
    """The bytes of all tokens, one after the other.

    Attributes:
        data: uint8, all bytes.
        offsets: int64 (V + 1,), where each token begins.
        lengths: int32 (V,).
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int32]

    def spell(self, ids: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The bytes of some tokens, and int64 (len(ids),), where each of these begins."""
        parts = [self.data[self.offsets[token] : self.offsets[token + 1]] for token in ids]
        ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        return np.concatenate([self.data[:0], *parts]), ends[:-1]


def pack(tokens: tuple[bytes, ...]) -> Blob:
    """Lay the bytes of all tokens out in one array.

    Raises:
        UnsupportedError: more tokens than a trie can number.
    """
    if len(tokens) > trie.MAX_TOKENS:
        raise UnsupportedError(
            f"{len(tokens)} tokens; tokkit handles vocabularies of up to {trie.MAX_TOKENS}"
        )
    lengths = np.fromiter(map(len, tokens), dtype=np.int32, count=len(tokens))
    offsets = np.zeros(len(tokens) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return Blob(np.frombuffer(b"".join(tokens), dtype=np.uint8), offsets, lengths)


def build_trie(
    tokens: tuple[bytes, ...],
    members: NDArray[np.int64],
    is_output: NDArray[np.bool_],
    blob: Blob | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Trie over some tokens.

    Args:
        tokens: bytes of all ids.
        members: int64 (k,), ids to enter, in order of preference: of members that are spelt alike
            the first is entered. Empty tokens are left out.
        is_output: bool (V,), tokens that `next_prefix` may name.
        blob: `pack(tokens)`, if it is at hand.

    Returns:
        `units`, as of `tokkit.kernels.segmentation.trie.build`; `order`: int32, the members
        entered, sorted by their bytes; and `next_prefix`, as of `build`.
    """
    if blob is None:
        blob = pack(tokens)
    # Sorting is stable, and keeps the first of those that are alike in front.
    ranked = sorted((t for t in members.tolist() if tokens[t]), key=tokens.__getitem__)
    order = np.array(
        [t for k, t in enumerate(ranked) if k == 0 or tokens[t] != tokens[ranked[k - 1]]],
        dtype=np.int32,
    )
    units, next_prefix = trie.build(blob.data, blob.offsets, order, is_output)
    return units, order, next_prefix


def bytes_side_by_side(blob: Blob, members: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Bool (256, 256): whether some token holds the one byte just before the other.

    Args:
        blob: `pack(tokens)`.
        members: bool (V,), the tokens that count; None: all.

    >>> found = bytes_side_by_side(pack((b"abc", b"d")))
    >>> [bool(found[a, b]) for a, b in (b"ab", b"bc", b"ac", b"cd")]
    [True, True, False, False]
    """
    inside = np.ones(len(blob.data), dtype=np.bool_)
    inside[blob.offsets[1:][blob.lengths > 0] - 1] = False
    if members is not None:
        inside &= np.repeat(members, blob.lengths)
    places = np.flatnonzero(inside)
    found = np.zeros((256, 256), dtype=np.bool_)
    found[blob.data[places], blob.data[places + 1]] = True
    return found


def longest_piece(blob: Blob, members: NDArray[np.int32]) -> int:
    """Bytes of the longest of some tokens."""
    return int(blob.lengths[members].max(initial=0))


def byte_tokens(spec: TokenizerSpec) -> NDArray[np.int32]:
    """Id of the BYTE token of each byte value, the lowest where there are several, or -1.

    Raises:
        FormatError: a BYTE token that is not one byte long.
    """
    table = np.full(256, -1, dtype=np.int32)
    for token in map(int, np.flatnonzero(spec.kinds == TokenKind.BYTE)[::-1]):
        spelling = spec.token_bytes[token]
        if len(spelling) != 1:
            raise FormatError(
                f"byte-fallback token {token} of {spec.name!r} stands for {len(spelling)} bytes; "
                "expected one"
            )
        table[spelling[0]] = token
    return table


def is_character(spelling: bytes) -> bool:
    r"""Whether the bytes are exactly one character in UTF-8.

    >>> is_character("é".encode()), is_character(b"ab"), is_character(b"\xff")
    (True, False, False)
    """
    text = spelling[:5].decode(errors="ignore")
    return len(text) == 1 and text.encode() == spelling


def is_utf8(spelling: bytes) -> bool:
    """Whether the bytes are whole characters in UTF-8."""
    return spelling.decode(errors="ignore").encode() == spelling
