"""`TextTokenizer`: bytes to ids and back, exactly as the tokenizer's own reference does it.

`tokkit.text.properties` has what it says about itself, `tokkit.text.encoding.encodes_text` how it
makes ids of texts; here it is opened, decodes, is saved, and tells what is canonical.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from operator import index
from os import PathLike
from pathlib import Path
from typing import Any, Self, cast

from tokkit.arguments import check_flags, check_path
from tokkit.errors import ArgumentError, EncodingError
from tokkit.files.registry import open_saved, write_kind
from tokkit.text.canonical.automaton import CanonicalAutomaton
from tokkit.text.canonical.nested import NestedAutomaton
from tokkit.text.canonical.wordpiece import WordPieceAutomaton
from tokkit.text.canonical.words import WordBpeAutomaton
from tokkit.text.chat.finding import LoadedChat
from tokkit.text.encoding.encodes_text import EncodesText
from tokkit.text.spec import TokenizerSpec
from tokkit.tokenizer import Tokenizer, refuse_seed


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


class TextTokenizer(EncodesText):
    """A text tokenizer. Build one with `load_tokenizer`, or from a `TokenizerSpec`.

    Its encodings have the length that they have: it takes no `budget`.

    Attributes:
        spec: the tokenizer as data.
        pretokenizer: what cuts text into pieces.
        model: what encodes one piece.
    """

    def __repr__(self) -> str:
        return f"TextTokenizer({self.spec.name!r}, {self.spec.family}, {self.vocab_size} ids)"

    def __reduce__(self) -> tuple[type[Self], tuple[TokenizerSpec], dict[str, Any]]:
        """Pickled and copied as its spec, and compiled afresh: caches belong to a process."""
        return type(self), (self.spec,), {"origin": self.origin}

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

    def save(self, folder: str | PathLike[str]) -> None:
        """Write `tokenizer.tokkit` and `tokkit.json` to `folder`, made when it is missing.

        All of the spec is written, as data, so that `load` and `load_tokenizer` give an equal
        tokenizer. A file is there whole or not at all, and replaces one that was there.

        Raises:
            UnsupportedError: a normalizer of a class that is not tokkit's own.
            OSError: the folder cannot be written to.
        """
        from tokkit.text.formats.tokkit_file import write_spec

        path = check_path(folder, "folder")
        write_spec(self.spec, path)
        write_kind(path, "text-tokenizer")

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        """Read what `save` wrote; for other formats see `load_tokenizer`.

        Raises:
            FormatError: there is no such file in `folder`, or it is damaged.
            UnsupportedError: it asks for something that tokkit does not do.
        """
        from tokkit.text.formats.tokkit_file import FILE_NAME
        from tokkit.text.loading import read_spec

        return cls(read_spec(check_path(folder, "folder") / FILE_NAME, format="tokkit"))

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
