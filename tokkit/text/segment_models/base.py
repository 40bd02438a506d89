"""What turns one piece of text into ids: `SegmentModel`, and `PrefixEncoder` to do it byte by byte.

A *piece* is what the pretokenizer leaves: a run of bytes that is encoded on its own. A segment
model knows nothing of normalisation, splitting, special tokens or text that was cut out as a
literal. All models share two laws:

* **Prefix law.** If `ids` is a prefix of the encoding of a piece, `ids` is the encoding of its own
  bytes. It holds for BPE without `ignore_merges` (see `bpe`), for Unigram (the back-pointers of
  Viterbi look only backwards), for greedy longest match and for plain bytes; for BPE whose tokens
  know their place it holds of the bytes at that place. WordPiece breaks it (`un` + `##a` may be a
  prefix of the encoding of no word, and a prefix of a word may have no encoding).
* **Successor law.** `successor_mask_after(ids)` is, for such `ids`, the set of tokens `t` for which
  `ids + [t]` is the encoding of its own bytes, under the model alone: `ignore_merges` is left to
  the caller, since it depends on where the piece ends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, EncodingError

NO_TOKEN = -1
"""`PrefixEncoder.last_token` of an empty prefix, and of one that has no encoding."""


class SegmentModel(ABC):
    """Encodes pieces of text, each on its own, exactly and in time linear in their length.

    Instances are immutable after construction and may be shared between threads.

    Attributes:
        vocab_size: number of ids.
        reachable: bool (vocab_size,), read-only: the token is what its own bytes encode to, as one
            piece, under the model alone (`ignore_merges` aside). LITERAL, SPECIAL and UNUSED ids
            are never reachable; a BYTE id is when its byte alone has no other encoding.
        context_length: how many trailing ids decide `successor_mask_after`; None if unbounded.
    """

    vocab_size: int
    reachable: NDArray[np.bool_]
    context_length: int | None

    @abstractmethod
    def encode(
        self, text: NDArray[np.uint8], bounds: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Encode each piece `text[bounds[k]:bounds[k + 1]]` on its own.

        Args:
            text: uint8 (n,).
            bounds: int64 (k + 1,), non-decreasing, from 0 to n; an empty piece has no tokens.

        Returns:
            `ids`: int32 (m,), and `ends`: int64 (m,), the offset in `text` where each token ends.

        Raises:
            EncodingError: a byte that the vocabulary cannot express.
            ArgumentError: `bounds` does not run from 0 to n, or decreases.
        """

    def encode_ids(self, text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> NDArray[np.int32]:
        """`encode(text, bounds)[0]`, for callers that do not ask where tokens end."""
        return self.encode(text, bounds)[0]

    @abstractmethod
    def count(self, text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> int:
        """`len(encode(text, bounds)[0])` without holding the ids. Raises as `encode` does."""

    def encode_with_unknown(
        self, text: NDArray[np.uint8], bounds: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """`encode`, but the spec's `unk_id` stands for what the vocabulary cannot express.

        How much one such token covers is up to the model: a character or a run of them (BPE,
        Unigram), or a word (WordPiece). The spec must have an `unk_id`.

        Raises:
            ArgumentError: as `encode`.
        """
        return self.encode(text, bounds)

    @abstractmethod
    def prefix_encoder(self) -> PrefixEncoder:
        """A fresh encoder for one piece that arrives byte by byte."""

    @abstractmethod
    def successor_mask_after(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """Which tokens may follow `ids` within a piece.

        Args:
            ids: the encoding of its own bytes, from the start of the piece; models with a finite
                `context_length` look at no more than so many trailing ids. Empty: the tokens that
                may begin a piece, which are the reachable ones.

        Returns:
            bool (vocab_size,), not to be written to: `encode(bytes(ids) + bytes(t)) == ids + [t]`.

        Raises:
            ArgumentError: an id out of range.
        """

    def deciding(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        """The trailing ids of a piece that still decide what may follow, at least the last one.

        Args:
            ids: one or more, as `successor_mask_after` takes them.
        """
        return ids if self.context_length is None else ids[-max(1, self.context_length) :]

    def encode_piece(self, piece: bytes) -> list[int]:
        """Encode one piece; a convenience over `encode`."""
        text = np.frombuffer(piece, dtype=np.uint8)
        return self.encode(text, np.array([0, len(piece)], dtype=np.int64))[0].tolist()


class OneCallModel(SegmentModel):
    """A segment model whose kernel encodes all pieces in one call, keeping their ids or not."""

    def encode(
        self, text: NDArray[np.uint8], bounds: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See `SegmentModel.encode`."""
        ids, ends, n = self._encode(text, bounds, keep=True)
        return ids[:n].copy(), ends[:n].copy()

    def count(self, text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> int:
        """See `SegmentModel.count`."""
        return self._encode(text, bounds, keep=False)[2]

    @abstractmethod
    def _encode(
        self, text: NDArray[np.uint8], bounds: NDArray[np.int64], *, keep: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], int]:
        """The ids and ends of all pieces (without `keep`, of the last one), and their number."""


def room_for(
    text: NDArray[np.uint8], bounds: NDArray[np.int64], *, keep: bool
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Ids and ends to fill: for as many tokens as bytes, of all pieces or of the longest."""
    room = len(text) if keep else int(np.diff(bounds).max(initial=0))
    return np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int64)


class PrefixEncoder(ABC):
    """The encodings of every prefix of one piece that grows and shrinks at its end.

    Each prefix is encoded as if the piece ended there. The encoding of the first n bytes is its
    last token after the encoding of what comes before that token, so one id a byte is all that is
    kept (WordPiece, whose prefixes do not nest so, re-encodes the word).
    """

    @abstractmethod
    def __len__(self) -> int:
        """Number of bytes so far."""

    @abstractmethod
    def append(self, data: bytes | int) -> None:
        """Add bytes (or one byte, as an int) at the end.

        Raises:
            EncodingError: the vocabulary cannot express a byte; the bytes before it were added.
        """

    @abstractmethod
    def truncate(self, length: int) -> None:
        """Keep only the first `length` bytes; costs nothing that grows with the text.

        Raises:
            ArgumentError: `length` is negative or beyond the end.
        """

    @abstractmethod
    def last_token_at(self, length: int) -> int:
        """Last token of the encoding of the first `length` bytes.

        `NO_TOKEN` when `length` is 0 or those bytes have no encoding.
        """

    @abstractmethod
    def ids(self, length: int | None = None) -> list[int]:
        """Encoding of the first `length` bytes (default: all).

        Raises:
            EncodingError: they have no encoding (WordPiece only).
        """

    @property
    def last_token(self) -> int:
        """Last token of the encoding of everything so far, or `NO_TOKEN`."""
        return self.last_token_at(len(self))

    def _check_length(self, length: int) -> None:
        if not 0 <= length <= len(self):
            raise ArgumentError(
                f"length {length} is outside the piece so far; expected 0 to {len(self)}"
            )


def check_bounds(
    text: NDArray[np.uint8], bounds: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Refuse bounds that would send a kernel outside `text`.

    Returns:
        Both as contiguous read-only views, so that kernels are compiled for one kind of array.

    Raises:
        ArgumentError: wrong dtype or shape, or bounds that do not run from 0 to `len(text)`.
    """
    if text.dtype != np.uint8 or text.ndim != 1:
        raise ArgumentError(f"text is {text.dtype} {text.shape}; pass a uint8 array of one axis")
    if bounds.dtype != np.int64 or bounds.ndim != 1 or len(bounds) == 0:
        raise ArgumentError(f"bounds is {bounds.dtype} {bounds.shape}; pass int64 (pieces + 1,)")
    if bounds[0] != 0 or bounds[-1] != len(text) or np.any(bounds[1:] < bounds[:-1]):
        raise ArgumentError(
            f"bounds run from {bounds[0]} to {bounds[-1]} over {len(text)} bytes; "
            f"they must start at 0, end at {len(text)}, and never decrease"
        )
    text, bounds = np.ascontiguousarray(text).view(), np.ascontiguousarray(bounds).view()
    text.setflags(write=False)
    bounds.setflags(write=False)
    return text, bounds


def check_ids(ids: Sequence[int], vocab_size: int) -> None:
    """Refuse ids that the vocabulary does not hold.

    Raises:
        ArgumentError: an id below 0 or not below `vocab_size`.
    """
    for token in ids:
        if not 0 <= token < vocab_size:
            raise ArgumentError(
                f"id {token} is not in the vocabulary; ids go from 0 to {vocab_size - 1}"
            )


def inexpressible(byte: int, offset: int, name: str) -> EncodingError:
    """The error for a byte that no token expresses."""
    return EncodingError(
        f"byte 0x{byte:02x} at offset {offset} has no token in {name or 'this tokenizer'}; "
        "remove or replace it, or use a tokenizer with all 256 byte tokens"
    )
