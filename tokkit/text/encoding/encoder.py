"""`TextEncoder`: the ids of one text, or of several short ones in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes, check_flags
from tokkit.errors import ArgumentError, EncodingError
from tokkit.text.encoding.cuts import SafeCuts
from tokkit.text.pretokenizer import Pieces, Pretokenizer
from tokkit.text.segment_models.base import Encoded, SegmentModel
from tokkit.text.spec import TokenizerSpec, Unknown
from tokkit.text.stretches import Stretch, StretchCutter

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
        parts = list(self._parts(data, reading, continues=continues))
        try:
            return self._ids_of_parts([parts], reading)[0]
        except EncodingError:
            for part in parts:  # of which one says where in it
                self._ids_of_parts([[part]], reading)
            raise

    def ids_of_each(self, texts: Sequence[bytes], reading: Reading) -> list[Ids]:
        """The ids of each of several texts, which are cut and encoded in one pass.

        Raises:
            EncodingError: as `ids`, of the first text that has such a byte.
        """
        try:
            return self._ids_of_parts([list(self._parts(text, reading)) for text in texts], reading)
        except EncodingError:
            return [self.ids(text, reading) for text in texts]

    def _parts(
        self, data: bytes, reading: Reading, *, continues: bool = False
    ) -> Iterator[bytes | int]:
        return self.stretches.parts(
            data, specials=reading.specials, normalize=reading.normalize, continues=continues
        )

    def _ids_of_parts(self, texts: Sequence[Sequence[bytes | int]], reading: Reading) -> list[Ids]:
        """The ids of texts that come as stretches and added tokens, in one pass over all bytes."""
        stretches = [part for parts in texts for part in parts if isinstance(part, bytes)]
        together = np.frombuffer(b"".join(stretches), dtype=np.uint8)
        if len(texts) == 1 and len(texts[0]) == len(stretches) == 1:
            return [self._encode_ids(self.pretokenizer.split(together), reading)]
        bounds = np.cumsum([0, *map(len, stretches)], dtype=np.int64)
        pieces = self.pretokenizer.split(together, bounds=bounds, with_places=True)
        ids, ends = self.encode_pieces(pieces, reading)
        last = ends - 1 if pieces.places is None else pieces.places[ends - 1]
        n_before = np.searchsorted(last, bounds).tolist()  # ids of the stretches before each
        return list(_with_added(texts, ids, n_before))

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


def _with_added(
    texts: Sequence[Sequence[bytes | int]], ids: Ids, n_before: Sequence[int]
) -> Iterator[Ids]:
    """The ids of each text: those of its stretches, and the added tokens between them."""
    stretch = 0
    for parts in texts:
        first = n_before[stretch]
        places: list[int] = []
        tokens: list[int] = []
        for part in parts:
            if isinstance(part, bytes):
                stretch += 1
            else:
                places.append(n_before[stretch] - first)
                tokens.append(part)
        found = ids[first : n_before[stretch]]
        yield np.insert(found, places, tokens) if tokens else found.copy()


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
