"""`TextEncoder`: the ids of one text, or of several short ones in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes, check_flags
from tokkit.errors import ArgumentError, EncodingError
from tokkit.kernels.texts.cut_out import put_between
from tokkit.text.encoding.cuts import SafeCuts
from tokkit.text.pretokenizer import Pieces, Pretokenizer
from tokkit.text.segment_models.base import Encoded, SegmentModel
from tokkit.text.spec import TokenizerSpec, Unknown
from tokkit.text.stretches import Stretch, StretchCutter, TextParts

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Reading:
    """How texts are read.

    Attributes:
        specials: whether text that looks like a special token becomes that token.
        normalize: whether to apply the normaliser.
        unk: what becomes of text that the vocabulary cannot express.
    """

    specials: bool = False
    normalize: bool = True
    unk: Unknown = "raise"

    def __post_init__(self) -> None:
        """Refuse what is none of these.

        Raises:
            ArgumentError: an `unk` that is neither "raise" nor "use", or a flag that is none.
        """
        check_flags(specials=self.specials, normalize=self.normalize)
        if self.unk not in get_args(Unknown):
            raise ArgumentError(f'unk is {self.unk!r}, expected "raise" or "use"')


@dataclass(frozen=True)
class TextEncoder:
    """The parts of a tokenizer that make ids of texts. Threads may share one.

    Attributes:
        spec: the tokenizer as data.
        stretches: cuts out added tokens, and normalises.
        pretokenizer: cuts stretches into pieces.
        model: encodes pieces.
    """

    spec: TokenizerSpec
    stretches: StretchCutter
    pretokenizer: Pretokenizer
    model: SegmentModel

    @cached_property
    def cuts(self) -> SafeCuts:
        """Where texts may be cut into parts."""
        return SafeCuts(self.spec, self.pretokenizer)

    def ids(self, data: bytes, reading: Reading, *, continues: bool = False) -> Ids:
        """The ids of a text, or (`continues`) of what stands behind a safe place of one.

        Raises:
            EncodingError: a byte that the vocabulary cannot express, and no unknown token to use.
        """
        parts = self._parts(data, reading, continues=continues)
        try:
            return self._ids_of_parts([parts], reading)[0]
        except EncodingError:
            for start, stop in pairwise(parts.bounds.tolist()):  # of which one says where in it
                self._encode_ids(self.pretokenizer.split(parts.data[start:stop]), reading)
            raise

    def ids_of_each(self, texts: Sequence[bytes], reading: Reading) -> list[Ids]:
        """The ids of each of several texts, which are cut and encoded in one pass.

        Raises:
            EncodingError: as `ids`, of the first text that has such a byte.
        """
        try:
            return self._ids_of_parts([self._parts(text, reading) for text in texts], reading)
        except EncodingError:
            return [self.ids(text, reading) for text in texts]

    def _parts(self, data: bytes, reading: Reading, *, continues: bool = False) -> TextParts:
        return self.stretches.parts(
            data, specials=reading.specials, normalize=reading.normalize, continues=continues
        )

    def _ids_of_parts(self, texts: Sequence[TextParts], reading: Reading) -> list[Ids]:
        """The ids of texts that come as stretches and added tokens, in one pass over all bytes."""
        if len(texts) == 1 and not len(texts[0].tokens):
            pieces = self.pretokenizer.split(texts[0].data, bounds=texts[0].bounds)
            return [self._encode_ids(pieces, reading)]
        ends = np.cumsum([len(parts.data) for parts in texts], dtype=np.int64)
        together = _one_behind_the_other(texts, ends)
        ids, last = self._ids_and_last(together.data, together.bounds, reading)
        merged = np.empty(len(ids) + len(together.tokens), dtype=np.int32)
        put_between(ids, last, together.tokens, together.places, merged)
        if len(texts) == 1:
            return [merged]
        n_ids = np.searchsorted(last, ends)
        n_ids += np.cumsum([len(parts.tokens) for parts in texts])
        return [merged[first:end].copy() for first, end in pairwise([0, *n_ids.tolist()])]

    def _ids_and_last(
        self, data: NDArray[np.uint8], bounds: NDArray[np.int64], reading: Reading
    ) -> Encoded:
        """The ids of stretches, and the last byte that each stands for."""
        if self.joins_pieces(reading) and len(bounds) > 2:  # one at a time, so as to join none
            each = [
                (start, *self._ids_and_last(data[start:stop], np.array([0, stop - start]), reading))
                for start, stop in pairwise(bounds.tolist())
            ]
            return (
                np.concatenate([ids for _, ids, _ in each]),
                np.concatenate([start + last for start, _, last in each]),
            )
        pieces = self.pretokenizer.split(data, bounds=bounds, with_places=True)
        ids, last = self.encode_pieces(pieces, reading)
        last -= 1
        return ids, last if pieces.places is None else pieces.places[last]

    def joins_pieces(self, reading: Reading) -> bool:
        """Whether what is unknown in a piece and in the next one becomes one token.

        No place between pieces is safe to cut then.
        """
        return reading.unk == "use" and self.spec.fuse_unk and self.spec.family == "words"

    def _encode_ids(self, pieces: Pieces, reading: Reading) -> Ids:
        if reading.unk == "use":
            return self.encode_pieces(pieces, reading)[0]
        return self.model.encode_ids(pieces.text, pieces.bounds)

    def cut(
        self, data: bytes, reading: Reading, *, with_places: bool = False, continues: bool = False
    ) -> Iterator[Stretch]:
        """The stretches of a text; see `StretchCutter.cut`."""
        return self.stretches.cut(
            data,
            specials=reading.specials,
            normalize=reading.normalize,
            with_places=with_places,
            continues=continues,
        )

    def split(self, stretch: Stretch, *, with_places: bool = False) -> Pieces:
        """The pieces of a stretch that is no added token."""
        text = np.frombuffer(stretch.data, dtype=np.uint8)
        return self.pretokenizer.split(text, with_places=with_places)

    def encode_pieces(self, pieces: Pieces, reading: Reading) -> Encoded:
        """The ids of pieces, and where each token ends.

        Raises:
            EncodingError: a byte that the vocabulary cannot express, and no unknown token to use.
        """
        if reading.unk == "use" and self.spec.unk_id is not None:
            return self.model.encode_with_unknown(pieces.text, pieces.bounds)
        try:
            return self.model.encode(pieces.text, pieces.bounds)
        except EncodingError as error:
            if reading.unk == "raise":
                raise
            drops = "; its reference drops such text silently" if self.spec.family == "bpe" else ""
            raise EncodingError(
                f'{error} (unk="use" does not help: this tokenizer has no unknown token{drops})'
            ) from None


def _one_behind_the_other(texts: Sequence[TextParts], ends: NDArray[np.int64]) -> TextParts:
    """The parts of several texts as those of one; `ends` is where the data of each ends."""
    if len(texts) == 1:
        return texts[0]
    begins = [0, *ends.tolist()]
    every = list(zip(begins, texts, strict=False))
    data = np.concatenate([parts.data for parts in texts])
    data.setflags(write=False)
    return TextParts(
        data,
        np.concatenate([np.zeros(1, np.int64), *(at + parts.bounds[1:] for at, parts in every)]),
        np.concatenate([parts.tokens for parts in texts]),
        np.concatenate([at + parts.places for at, parts in every]),
    )


def text_bytes(data: str | bytes) -> bytes:
    """A text as bytes.

    Raises:
        EncodingError: a lone surrogate.
        ArgumentError: neither `str` nor bytes.
    """
    if isinstance(data, str):
        try:
            return data.encode()
        except UnicodeEncodeError as error:
            raise EncodingError(
                f"the text holds a lone surrogate at character {error.start}, which UTF-8 "
                "cannot express; replace it, or pass bytes"
            ) from None
    return as_bytes(data)
