"""`TextTokenizer`: bytes to ids and back, exactly as the tokenizer's own reference does it.

The way of a text: cut out added tokens and normalise what lies between them
(`tokkit.text.stretches`); split each stretch into pieces; let the model encode each piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from operator import index
from os import PathLike
from pathlib import Path
from typing import Any, Self, cast, get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes, check_flags, check_kind, refuse_single_text
from tokkit.errors import ArgumentError, EncodingError
from tokkit.files.registry import open_saved, write_kind
from tokkit.text.canonical.automaton import CanonicalAutomaton
from tokkit.text.canonical.nested import NestedAutomaton
from tokkit.text.canonical.wordpiece import WordPieceAutomaton
from tokkit.text.canonical.words import WordBpeAutomaton
from tokkit.text.chat.finding import LoadedChat
from tokkit.text.pretokenizer import Pieces, Pretokenizer
from tokkit.text.properties import TextProperties
from tokkit.text.segment_models import make_segment_model
from tokkit.text.segment_models.base import SegmentModel
from tokkit.text.spec import TokenizerSpec, Unknown
from tokkit.text.stretches import Stretch, StretchCutter
from tokkit.tokenizer import Encoding, Tokenizer, refuse_budget, refuse_context, refuse_seed

PIECES_AT_ONCE = 4096


def load_tokenizer(
    source: Any,
    *,
    format: str | None = None,
    pattern: str | None = None,
    special_tokens: Mapping[str, int] | None = None,
    allow_download: bool = False,
) -> TextTokenizer:
    """Load a tokenizer from whatever holds one.

    Args:
        source: a packaged model (`"smollm2"`); a `tokenizer.json`, SentencePiece `.model`, tiktoken
            rank file, GGUF file, Mistral tekken JSON, BERT's `vocab.txt`, RWKV's `rwkv_vocab*.txt`,
            a folder that holds one, or that a tokenizer's `save` wrote; a hub id (`"org/name"`) in
            the local cache; a tokenizer that `tokenizers`, `transformers`, `sentencepiece` or
            `tiktoken` has loaded; or a `TextTokenizer`, which is returned as it is.
        format: what the file is, where its content does not tell: `"hf"`, `"sentencepiece"`,
            `"tiktoken"` (or `"tiktoken:cl100k_base"` to name the encoding), `"gguf"`, `"tekken"`,
            `"gpt2-bpe"`, `"bert"`, `"rwkv"`, `"phobert"`, `"tokkit"` (what `TextTokenizer.save`
            writes).
        pattern: of a tiktoken rank file, which does not hold it: what cuts text into pieces
            (`pat_str`), where the ranks are of no encoding that is known.
        special_tokens: of a tiktoken rank file: text of each control token -> id. By default those
            of the encoding, and those that a tokenizer_config.json beside the file names.
        allow_download: whether a hub id may be fetched over the network.

    Returns:
        A tokenizer of text; of a folder that one of another modality was saved to that `Tokenizer`.

    Raises:
        ArgumentError: an unknown `format`, or a `pattern` for a file that holds its own.
        FormatError: the file is missing, damaged or not a tokenizer.
        UnsupportedError: it asks for something that tokkit does not do.
    """
    from tokkit.text.loading import find_file, read_spec

    check_flags(allow_download=allow_download)
    if isinstance(source, TextTokenizer) and format is None:
        return source
    if format is None and pattern is None and special_tokens is None:
        saved = open_saved(source, Tokenizer, "a tokenizer")
        if saved is not None:
            return saved  # of text as a rule, or of another modality
    path: Path | None = None
    if isinstance(source, str | PathLike):
        named = cast("str | PathLike[str]", source)
        path = find_file(named, format=format, allow_download=allow_download)
    spec = read_spec(
        source if path is None else path,
        format=format,
        pattern=pattern,
        special_tokens=special_tokens,
    )
    loaded = TextTokenizer(spec)
    loaded.origin = LoadedChat.of(source) if path is None else path
    return loaded


class TextTokenizer(TextProperties):
    """A text tokenizer. Build one with `load_tokenizer`, or from a `TokenizerSpec`.

    Its encodings have the length that they have: it takes no `budget`.

    Attributes:
        spec: the tokenizer as data.
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

    def __repr__(self) -> str:
        return f"TextTokenizer({self.spec.name!r}, {self.spec.family}, {self.vocab_size} ids)"

    def __reduce__(self) -> tuple[type[Self], tuple[TokenizerSpec], dict[str, Any]]:
        """Pickled and copied as its spec, and compiled afresh: caches belong to a process."""
        return type(self), (self.spec,), {"origin": self.origin}

    # -- encoding ----------------------------------------------------------------------------

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
        as_unknown = _uses_unknown(unk)
        parts = [
            self._ids_of(stretch, as_unknown=as_unknown)
            for stretch in self._cut(data, specials=specials, normalize=normalize)
        ]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([np.empty(0, dtype=np.int32), *parts])

    def _ids_of(self, stretch: Stretch, *, as_unknown: bool) -> NDArray[np.int32]:
        if stretch.token is not None:
            return np.array([stretch.token], dtype=np.int32)
        pieces = self._split(stretch)
        if as_unknown:
            return self._encode_with_unknown(pieces)[0]
        return self.model.encode_ids(pieces.text, pieces.bounds)

    def iter_encode(
        self, data: str | bytes, *, specials: bool = False, normalize: bool = True
    ) -> Iterator[int]:
        """`encode`, an id at a time, for whoever may want only the first ones of a long text.

        The text is normalised and cut first; its pieces are encoded as their ids are asked for.

        Raises:
            EncodingError: when it is reached, a byte that the vocabulary cannot express.
        """
        for stretch in self._cut(data, specials=specials, normalize=normalize):
            if stretch.token is not None:
                yield stretch.token
                continue
            pieces = self._split(stretch)
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
        as_unknown = _uses_unknown(unk)
        parts: list[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]] = []
        for stretch in self._cut(data, specials=specials, normalize=normalize, with_places=True):
            assert stretch.places is not None
            starts, ends = stretch.places
            if stretch.token is not None:
                ids = np.array([stretch.token], dtype=np.int32)
                parts.append((ids, starts[:1], ends[-1:]))
                continue
            pieces = self._split(stretch, with_places=True)
            if as_unknown:
                ids, stops = self._encode_with_unknown(pieces)
            else:
                ids, stops = self.model.encode(pieces.text, pieces.bounds)
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
    ) -> list[list[int]]:
        """`encode` of each text.

        Raises:
            EncodingError: a byte that the vocabulary cannot express, and no unknown token to use.
            ArgumentError: a single text, or an `unk` that is neither "raise" nor "use".
        """
        refuse_single_text(texts, "texts")
        check_flags(specials=specials, normalize=normalize)
        return [
            self.encode(text, specials=specials, normalize=normalize, unk=unk) for text in texts
        ]

    def count(
        self,
        data: str | bytes,
        *,
        specials: bool = False,
        normalize: bool = True,
        unk: Unknown = "raise",
    ) -> int:
        """`len(encode(data))`, without materialising the ids. Raises as `encode` does."""
        as_unknown = _uses_unknown(unk)
        total = 0
        for stretch in self._cut(data, specials=specials, normalize=normalize):
            if stretch.token is not None:
                total += 1
            else:
                pieces = self._split(stretch)
                if as_unknown:
                    total += len(self._encode_with_unknown(pieces)[0])
                else:
                    total += self.model.count(pieces.text, pieces.bounds)
        return total

    def _encode_with_unknown(self, pieces: Pieces) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        if self.spec.unk_id is not None:
            return self.model.encode_with_unknown(pieces.text, pieces.bounds)
        try:
            return self.model.encode(pieces.text, pieces.bounds)
        except EncodingError as error:
            drops = "; its reference drops such text silently" if self.spec.family == "bpe" else ""
            raise EncodingError(
                f'{error} (unk="use" does not help: this tokenizer has no unknown token{drops})'
            ) from None

    def normalize(self, data: str | bytes) -> bytes:
        """What the normaliser makes of a text; bytes that are no UTF-8 are left as they are."""
        return self._stretches.normalized(self._to_bytes(data))

    def pieces(self, data: str | bytes, *, normalize: bool = True) -> Iterator[Pieces]:
        """The pieces of a text that the model encodes, one `Pieces` for each stretch of it.

        Literals lie between stretches and are left out, as is what the pretokenizer removes.

        Args:
            data: the text; `str` is taken as UTF-8. Special tokens in it are text.
            normalize: whether to apply the tokenizer's normaliser.
        """
        for stretch in self._cut(data, specials=False, normalize=normalize):
            if stretch.token is None:
                yield self._split(stretch)

    def _cut(
        self, data: str | bytes, *, specials: bool, normalize: bool, with_places: bool = False
    ) -> Iterator[Stretch]:
        check_flags(specials=specials, normalize=normalize)
        return self._stretches.cut(
            self._to_bytes(data), specials=specials, normalize=normalize, with_places=with_places
        )

    def _split(self, stretch: Stretch, *, with_places: bool = False) -> Pieces:
        text = np.frombuffer(stretch.data, dtype=np.uint8)
        return self.pretokenizer.split(text, with_places=with_places)

    @staticmethod
    def _to_bytes(data: str | bytes) -> bytes:
        if isinstance(data, str):
            try:
                return data.encode()
            except UnicodeEncodeError as error:
                raise EncodingError(
                    f"the text holds a lone surrogate at character {error.start}, which UTF-8 "
                    "cannot express; replace it, or pass bytes"
                ) from None
        return as_bytes(data)

    # -- decoding ----------------------------------------------------------------------------

    def decode(self, ids: Iterable[int], *, seed: int | None = None) -> bytes:
        """The bytes that ids stand for; special tokens have none.

        Without the dummy prefix, and without the space behind the last word of a vocabulary that
        marks the ends of words.

        Raises:
            ArgumentError: a `seed`; nothing is drawn.
            EncodingError: an id outside the vocabulary.
        """
        refuse_seed(self, seed)
        tokens = _as_list(ids)
        data = b"".join(map(self.token_bytes, tokens))
        if self.spec.word_space == "after":
            data = data.removesuffix(b" ")
        prefix = self.dummy_prefix
        if not prefix or not data.startswith(prefix):
            return data
        first = next(token for token in tokens if self.spec.token_bytes[token])
        never = first in self._stretches.never_prefixed
        return data if never else data[len(prefix) :]

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token; empty for special tokens and holes.

        Raises:
            EncodingError: an id outside the vocabulary.
        """
        try:
            known = 0 <= index(token) < self.vocab_size
        except TypeError:
            raise ArgumentError(f"an id is a whole number, got {token!r:.60}") from None
        if not known:
            raise EncodingError(
                f"id {token} is outside the vocabulary of {self.name}, which has the ids 0 to "
                f"{self.vocab_size - 1}; was it made with another tokenizer?"
            )
        return self.spec.token_bytes[token]

    # -- files -------------------------------------------------------------------------------

    def save(self, directory: str | PathLike[str]) -> None:
        """Write `tokenizer.tokkit` and `tokkit.json` to `directory`, made when it is missing.

        All of the spec is written, as data, so that `load` and `load_tokenizer` give an equal
        tokenizer. A file is there whole or not at all, and replaces one that was there.

        Raises:
            UnsupportedError: a normalizer of a class that is not tokkit's own.
            OSError: the folder cannot be written to.
        """
        from tokkit.text.formats.tokkit_file import write_spec

        check_kind(directory, (str, PathLike), "directory")
        write_spec(self.spec, Path(directory))
        write_kind(Path(directory), "text-tokenizer")

    @classmethod
    def load(cls, directory: str | PathLike[str]) -> Self:
        """Read what `save` wrote; for other formats see `load_tokenizer`.

        Raises:
            FormatError: there is no such file in `directory`, or it is damaged.
            UnsupportedError: it asks for something that tokkit does not do.
        """
        from tokkit.text.formats.tokkit_file import FILE_NAME
        from tokkit.text.loading import read_spec

        check_kind(directory, (str, PathLike), "directory")
        return cls(read_spec(Path(directory) / FILE_NAME, format="tokkit"))

    # -- canonicality ------------------------------------------------------------------------

    @cached_property
    def canonical(self) -> CanonicalAutomaton[Any]:
        """The automaton of canonical sequences, shared by everything that asks."""
        if self.spec.family == "wordpiece":
            return WordPieceAutomaton(self.spec, self.pretokenizer)
        of_words = self.spec.family == "word_bpe"
        automaton = WordBpeAutomaton if of_words else NestedAutomaton
        return automaton(self.spec, self.pretokenizer, self.model)

    def is_canonical(self, ids: Iterable[int]) -> bool:
        """Whether `ids` is a prefix of the encoding of some bytes (see `CanonicalAutomaton`).

        Special tokens are not text, so a sequence that holds one is not canonical.

        Raises:
            EncodingError: an id outside the vocabulary.
        """
        tokens = _as_list(ids)
        for token in tokens:
            self.token_bytes(token)
        return self.canonical.run(tokens) != CanonicalAutomaton.DEAD


def _as_list(ids: Iterable[int]) -> list[int]:
    """Several ids, each of which is still to be checked."""
    if isinstance(ids, str) or not isinstance(ids, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentError(f"ids must be a sequence of ids, got {ids!r:.60}; put it in a list")
    return list(ids)


def _uses_unknown(unk: object) -> bool:
    if unk not in get_args(Unknown):
        raise ArgumentError(f'unk is {unk!r}, expected "raise" or "use"')
    return unk == "use"
