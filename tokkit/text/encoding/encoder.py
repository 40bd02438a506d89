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
        parts = [
            self._ids_of(stretch, reading)
            for stretch in self.cut(data, reading, continues=continues)
        ]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([np.empty(0, dtype=np.int32), *parts])

    def _ids_of(self, stretch: Stretch, reading: Reading) -> Ids:
        if stretch.token is not None:
            return np.array([stretch.token], dtype=np.int32)
        pieces = self.split(stretch)
        if reading.unk == "use":
            return self.encode_pieces(pieces, reading)[0]
        return self.model.encode_ids(pieces.text, pieces.bounds)

    def ids_of_each(self, texts: Sequence[bytes], reading: Reading) -> list[Ids]:
        """The ids of each of several texts, whose stretches are cut and encoded in one pass.

        Raises:
            EncodingError: as `ids`, of the first text that has such a byte.
        """
        try:
            return self._ids_of_each(texts, reading)
        except EncodingError:
            return [self.ids(text, reading) for text in texts]  # which says where in its text

    def _ids_of_each(self, texts: Sequence[bytes], reading: Reading) -> list[Ids]:
        parts: list[bytes] = []
        layouts: list[list[Stretch]] = []
        for text in texts:
            layouts.append(list(self.cut(text, reading)))
            parts += (stretch.data for stretch in layouts[-1] if stretch.token is None)
        bounds = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        together = np.frombuffer(b"".join(parts), dtype=np.uint8)
        pieces = self.pretokenizer.split(together, bounds=bounds, with_places=True)
        ids, ends = self.encode_pieces(pieces, reading)
        last = ends - 1 if pieces.places is None else pieces.places[ends - 1]
        stops = iter(np.searchsorted(last, bounds[1:]).tolist())
        found: list[Ids] = []
        start = 0
        for layout in layouts:
            of_text: list[Ids] = []
            for stretch in layout:
                if stretch.token is None:
                    stop = next(stops)
                    of_text.append(ids[start:stop])
                    start = stop
                else:
                    of_text.append(np.array([stretch.token], dtype=np.int32))
            found.append(np.concatenate(of_text or [ids[:0]]))
        return found

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
