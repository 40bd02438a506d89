"""`EncodesText`: the part of `TextTokenizer` that makes ids of texts, in every way it is asked to.

The way of a text: cut out added tokens and normalise what lies between them
(`tokkit.text.stretches`); split each stretch into pieces; let the model encode each piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import (
    check_functions,
    check_kind,
    check_path,
    refuse_single_text,
    say_nothing,
)
from tokkit.text.encoding.batches import encode_each, lists_of_each, n_threads
from tokkit.text.encoding.encoder import Reading, TextEncoder, text_bytes
from tokkit.text.encoding.files import Settings, encode_file
from tokkit.text.pretokenizer import Pieces, Pretokenizer
from tokkit.text.properties import TextProperties
from tokkit.text.segment_models import make_segment_model
from tokkit.text.segment_models.base import SegmentModel
from tokkit.text.spec import TokenizerSpec, Unknown
from tokkit.text.stretches import StretchCutter
from tokkit.tokenizer import Encoding, refuse_budget, refuse_context

PIECES_AT_ONCE = 4096


class EncodesText(TextProperties):
    """A tokenizer's spec, compiled to what cuts texts and what encodes pieces of them.

    Attributes:
        pretokenizer: what cuts text into pieces.
        model: what encodes one piece.
    """

    def __init__(self, spec: TokenizerSpec) -> None:
        """Compile `spec`.

        Raises:
            UnsupportedError: its rules cannot be expressed by tokkit's automata.
            FormatError: its tables contradict each other.
        """
        check_kind(spec, TokenizerSpec, "spec", "load_tokenizer reads one from a file")
        self.spec = spec
        self._stretches = StretchCutter(spec)
        self.pretokenizer = Pretokenizer(spec)
        of_model = replace(spec, kinds=spec.model_kinds, also_model=()) if spec.also_model else spec
        self.model: SegmentModel = make_segment_model(of_model)

    def encode(
        self,
        data: str | bytes,
        *,
        specials: bool = False,
        normalize: bool = True,
        unk: Unknown = "raise",
        budget: int | None = None,
        context: None = None,
    ) -> list[int]:
        """Ids of a text.

        With `normalize=False` and `specials=False`, `decode` gives back the bytes of `data` unless

        - the pretokenizer drops bytes, as that of WordPiece does with white space (its words come
          back with one space between them, punctuation set apart),
        - `spec.prefix_space` is "unless_space" and `data` begins with the space that is put before
          a text: `decode` takes that one away,
        - an added token took white space beside it (`lstrip`, `rstrip`), which is in no token, or
        - a space is put before every stretch between added tokens (`spec.prefix_unit`): `decode`
          takes away the first alone, and keeps the others, as the reference does.

        With the normaliser it gives back what the normaliser made of the text, under the same
        reservations; special tokens have no bytes.

        Args:
            data: the text; `str` is taken as UTF-8. Bytes need not be valid UTF-8.
            specials: whether text that looks like a special token becomes that token.
            normalize: whether to apply the tokenizer's normaliser, as its reference does.
            unk: what becomes of text that the vocabulary cannot express. "raise": an error, since
                it would be lost. "use": the tokenizer's unknown token (`spec.unk_id`), as its
                reference has it; `decode` gives no bytes for that.
            budget: None. A text has one encoding, whose length is not for the caller to choose;
                a number is refused, however large, and nothing is ever cut off.
            context: None. A text is all that its encoding depends on.

        Raises:
            EncodingError: a byte that the vocabulary cannot express, and no unknown token to use.
            ArgumentError: a `budget` or `context`, or an `unk` that is neither.
        """
        refuse_budget(self, budget)
        refuse_context(self, context)
        return self.encode_array(data, specials=specials, normalize=normalize, unk=unk).tolist()

    def encode_array(
        self,
        data: str | bytes,
        *,
        specials: bool = False,
        normalize: bool = True,
        unk: Unknown = "raise",
    ) -> NDArray[np.int32]:
        """The ids of `encode` as int32 (n,), without making a Python number of each.

        Raises:
            EncodingError: a byte that the vocabulary cannot express, and no unknown token to use.
            ArgumentError: an `unk` that is neither "raise" nor "use".
        """
        return self._encoder.ids(text_bytes(data), Reading(specials, normalize, unk))

    @cached_property
    def _encoder(self) -> TextEncoder:
        return TextEncoder(self.spec, self._stretches, self.pretokenizer, self.model)

    def iter_encode(
        self, data: str | bytes, *, specials: bool = False, normalize: bool = True
    ) -> Iterator[int]:
        """`encode`, an id at a time, for whoever may want only the first ones of a long text.

        The text is normalised and cut first; its pieces are encoded as their ids are asked for.

        Raises:
            EncodingError: when it is reached, a byte that the vocabulary cannot express.
        """
        for stretch in self._encoder.cut(text_bytes(data), Reading(specials, normalize)):
            if stretch.token is not None:
                yield stretch.token
                continue
            pieces = self._encoder.split(stretch)
            for first in range(0, len(pieces.bounds) - 1, PIECES_AT_ONCE):
                bounds = pieces.bounds[first : first + PIECES_AT_ONCE + 1]
                text = pieces.text[bounds[0] : bounds[-1]]
                yield from self.model.encode_ids(text, bounds - bounds[0]).tolist()

    def encode_with_offsets(
        self,
        data: str | bytes,
        *,
        specials: bool = False,
        normalize: bool = True,
        unk: Unknown = "raise",
    ) -> Encoding:
        """Ids of a text, and the bytes of `data` that each of them stands for.

        They are those of the reference, in bytes of the text as it was given, whatever the
        normaliser made of it: a token covers all that its characters came from, a token of part of
        an unchanged character just its bytes. A space that the tokenizer puts before the text
        stands for nothing. Bytes that the pretokenizer drops belong to no token; white space that
        an added token takes with it (`lstrip`, `rstrip`) belongs to that. An unknown token
        (`unk="use"`, see `encode`) stands for what is lost.

        Raises:
            EncodingError: a byte that the vocabulary cannot express, and no unknown token to use.
            ArgumentError: an `unk` that is neither "raise" nor "use".
        """
        reading, encoder = Reading(specials, normalize, unk), self._encoder
        parts: list[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]] = []
        for stretch in encoder.cut(text_bytes(data), reading, with_places=True):
            assert stretch.places is not None
            starts, ends = stretch.places
            if stretch.token is not None:
                ids = np.array([stretch.token], dtype=np.int32)
                parts.append((ids, starts[:1], ends[-1:]))
                continue
            pieces = encoder.split(stretch, with_places=True)
            ids, stops = encoder.encode_pieces(pieces, reading)
            first = np.concatenate([np.zeros(1, dtype=np.int64), stops])[:-1]
            last = stops - 1
            if pieces.places is not None:
                first, last = pieces.places[first], pieces.places[last]
            parts.append((ids, starts[first], ends[last]))
        nothing = np.empty(0, dtype=np.int64)
        ids, starts, ends = zip((nothing.astype(np.int32), nothing, nothing), *parts, strict=True)
        return Encoding(np.concatenate(ids), np.concatenate(starts), np.concatenate(ends))

    def encode_batch(
        self,
        texts: Sequence[str | bytes],
        *,
        specials: bool = False,
        normalize: bool = True,
        unk: Unknown = "raise",
        threads: int | None = None,
    ) -> list[list[int]]:
        """`encode` of each text, on several cores.

        Args:
            texts: each as for `encode`.
            specials: as for `encode`.
            normalize: as for `encode`.
            unk: as for `encode`.
            threads: how many work at once; None: as many as there are cores.

        Raises:
            EncodingError: a byte that the vocabulary cannot express, and no unknown token to use.
            ArgumentError: a single text, or an option that is none of those that there are.
        """
        refuse_single_text(texts, "texts")
        reading = Reading(specials, normalize, unk)
        return lists_of_each(self._encoder, texts, reading, threads=threads)

    def encode_batch_arrays(
        self,
        texts: Sequence[str | bytes],
        *,
        specials: bool = False,
        normalize: bool = True,
        unk: Unknown = "raise",
        threads: int | None = None,
    ) -> list[NDArray[np.int32]]:
        """The ids of `encode_batch` as int32 (n,) each, without making a Python number of each.

        Raises:
            EncodingError, ArgumentError: as `encode_batch`.
        """
        refuse_single_text(texts, "texts")
        reading = Reading(specials, normalize, unk)
        return encode_each(self._encoder, texts, reading, threads=threads)

    def encode_file(
        self,
        path: str | PathLike[str],
        *,
        into: str | PathLike[str],
        specials: bool = False,
        normalize: bool = True,
        unk: Unknown = "raise",
        threads: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[np.int32]:
        """Encode a file of any size into an int32 `.npy` file; see `tokkit.text.encoding.files`.

        Args:
            path: of the text. The ids are those of `encode_array` of all of it.
            into: the array, there whole or not at all. What an interrupted call has done is kept
                beside it, and the same call goes on from there.
            specials: as for `encode`.
            normalize: as for `encode`.
            unk: as for `encode`.
            threads: how many work at once; None: as many as there are cores.
            progress: called with the bytes that are done, and with all there are.

        Returns:
            int32 (n,), mapped from the file, read-only.

        Raises:
            UnsupportedError: no place is safe to cut for this tokenizer.
            EncodingError: as `encode`, or no safe place in 64 MiB of the text.
            FormatError: the file cannot be read, or `into` written.
            ArgumentError: what is there of an interrupted call is of another text or tokenizer; or
                `path` or `into` names no file.
            Interrupted: as `KeyboardInterrupt`; what is done is kept.
        """
        check_functions(progress=progress)
        return encode_file(
            self._encoder,
            check_path(path, "path"),
            check_path(into, "into"),
            Settings(self.fingerprint, Reading(specials, normalize, unk), n_threads(threads)),
            progress or say_nothing,
        )

    def count(
        self,
        data: str | bytes,
        *,
        specials: bool = False,
        normalize: bool = True,
        unk: Unknown = "raise",
    ) -> int:
        """`len(encode(data))`, without materialising the ids. Raises as `encode` does."""
        reading, encoder = Reading(specials, normalize, unk), self._encoder
        total = 0
        for stretch in encoder.cut(text_bytes(data), reading):
            if stretch.token is not None:
                total += 1
                continue
            pieces = encoder.split(stretch)
            if unk == "use":
                total += len(encoder.encode_pieces(pieces, reading)[0])
            else:
                total += self.model.count(pieces.text, pieces.bounds)
        return total

    def normalize(self, data: str | bytes) -> bytes:
        """What the normaliser makes of a text; bytes that are no UTF-8 are left as they are."""
        return self._stretches.normalized(text_bytes(data))

    def pieces(self, data: str | bytes, *, normalize: bool = True) -> Iterator[Pieces]:
        """The pieces of a text that the model encodes, one `Pieces` for each stretch of it.

        Literals lie between stretches and are left out, as is what the pretokenizer removes.

        Args:
            data: the text; `str` is taken as UTF-8. Special tokens in it are text.
            normalize: whether to apply the tokenizer's normaliser.
        """
        for stretch in self._encoder.cut(text_bytes(data), Reading(normalize=normalize)):
            if stretch.token is None:
                yield self._encoder.split(stretch)
