"""What turns one piece of text into ids: `SegmentModel`.

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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.text.segment_models.prefix_encoders import PrefixEncoder, ReencodingEncoder

Text = NDArray[np.uint8]
Places = NDArray[np.int64]
Ids = NDArray[np.int32]
Encoded = tuple[Ids, Places]
"""Ids, and the offset in the text where each token ends."""


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
    def encode(self, text: Text, bounds: Places) -> Encoded:
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

    def encode_ids(self, text: Text, bounds: Places) -> NDArray[np.int32]:
        """`encode(text, bounds)[0]`, for callers that do not ask where tokens end."""
        return self.encode(text, bounds)[0]

    def count(self, text: Text, bounds: Places) -> int:
        """`len(encode(text, bounds)[0])`, by most models without holding the ids; raises as it."""
        return len(self.encode_ids(text, bounds))

    def encode_with_unknown(self, text: Text, bounds: Places) -> Encoded:
        """`encode`, but the spec's `unk_id` stands for what the vocabulary cannot express.

        How much one such token covers is up to the model: a character or a run of them (BPE,
        Unigram), or a word (WordPiece). The spec must have an `unk_id`.

        Raises:
            ArgumentError: as `encode`.
        """
        return self.encode(text, bounds)

    def prefix_encoder(self) -> PrefixEncoder:
        """A fresh encoder for one piece that arrives byte by byte."""
        return ReencodingEncoder(self.encode_piece)

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

    def encode(self, text: Text, bounds: Places) -> Encoded:
        """See `SegmentModel.encode`."""
        ids, ends, n = self._encode(text, bounds, keep=True)
        return ids[:n].copy(), ends[:n].copy()

    def count(self, text: Text, bounds: Places) -> int:
        """See `SegmentModel.count`."""
        return self._encode(text, bounds, keep=False)[2]

    @abstractmethod
    def _encode(self, text: Text, bounds: Places, *, keep: bool) -> tuple[Ids, Places, int]:
        """The ids and ends of all pieces (without `keep`, of the last one), and their number."""


def room_for(text: Text, bounds: Places, *, keep: bool) -> Encoded:
    """Ids and ends to fill: for as many tokens as bytes, of all pieces or of the longest."""
    room = len(text) if keep else int(np.diff(bounds).max(initial=0))
    return np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int64)


def check_bounds(text: Text, bounds: Places) -> tuple[Text, Places]:
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


def mask_of(size: int, ids: NDArray[np.integer[Any]] | Sequence[int]) -> NDArray[np.bool_]:
    """A read-only mask, bool (size,), that is true of `ids`."""
    mask = np.zeros(size, dtype=np.bool_)
    mask[ids] = True
    mask.setflags(write=False)
    return mask
