"""What a text tokenizer says about itself, which follows from its spec alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from tokkit.text.chat.finding import LoadedChat, find_chat_tokens, find_templates
from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind
from tokkit.tokenizer import Modality, Tokenizer


class TextProperties(Tokenizer[str | bytes]):
    """The part of `TextTokenizer` that reads `spec` and encodes nothing."""

    spec: TokenizerSpec
    origin: Path | LoadedChat = LoadedChat()
    """Where chat templates are looked for: the file it was read from, or what was loaded."""

    @cached_property
    def chat_templates(self) -> Mapping[str, str]:
        """Name -> chat template that came with the tokenizer; the one without a name is `default`.

        Raises:
            FormatError: one of the files is damaged.
        """
        if isinstance(self.origin, LoadedChat):
            return self.origin.templates
        return find_templates(self.origin)

    @cached_property
    def chat_tokens(self) -> Mapping[str, str]:
        """What chat templates call `bos_token`, `eos_token` and the like -> its text.

        Raises:
            FormatError: one of the files is damaged.
        """
        if isinstance(self.origin, LoadedChat):
            return self.origin.tokens
        texts = {token: text for text, token in self.special_tokens.items()}
        return find_chat_tokens(self.origin, texts)

    @property
    def name(self) -> str:
        """Where it came from."""
        return self.spec.name

    @property
    def modality(self) -> Modality:
        """The kind of signal: "text"."""
        return "text"

    @property
    def vocab_size(self) -> int:
        """Number of ids, holes included."""
        return self.spec.vocab_size

    @property
    def lossless(self) -> bool:
        """Whether `decode` gives back all bytes that `encode` takes by its defaults.

        False where a rule might lose some: a normaliser, white space that is dropped, a space
        that is put before parts of the text, an added token that takes white space with it.
        """
        spec = self.spec
        return (
            spec.normalizer is None
            and spec.renaming is None
            and spec.word_space == "none"
            and spec.family in ("bpe", "unigram", "greedy", "bytes")
            and not any(rule.behavior == "removed" for rule in spec.splits)
            and (spec.prefix_space == "never" or (spec.prefix_space == "always" and not self._cuts))
            and not any(token.lstrip or token.rstrip for token in spec.added_tokens)
            and all(
                spec.token_bytes[token.id] == token.content.encode(errors="surrogateescape")
                for token in spec.added_tokens
                if spec.kinds[token.id] != TokenKind.SPECIAL
            )
        )

    @property
    def streaming(self) -> bool:
        """Whether an id depends on a bounded part of the text after it: if each is one byte.

        Other rules have a bound only within a piece, and a piece may be the whole text.
        """
        spec = self.spec
        return spec.family == "bytes" and self.lossless and not (spec.splits or self._cuts)

    @property
    def _cuts(self) -> bool:
        """Whether tokens are cut out of the text before the model sees it."""
        return bool((self.spec.kinds == TokenKind.LITERAL).any() or self.spec.added_tokens)

    @property
    def fingerprint(self) -> str:
        """Hexadecimal, of the spec without its name: equal for one tokenizer from any file.

        Raises:
            UnsupportedError: a normalizer of a class that is not tokkit's own.
        """
        from tokkit.text.formats.tokkit_file import spec_to_bytes

        return hashlib.sha256(spec_to_bytes(replace(self.spec, name=""))).hexdigest()

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """Text of each control token -> id."""
        return self.spec.special_tokens

    @property
    def merges(self) -> MergeTable | None:
        """The BPE merges, or None for other families."""
        return self.spec.merges

    @property
    def bos_ids(self) -> tuple[int, ...]:
        """Ids that a model expects before any text."""
        return self.spec.bos_ids

    @property
    def eos_ids(self) -> tuple[int, ...]:
        """Ids that end a text."""
        return self.spec.eos_ids

    @property
    def dummy_prefix(self) -> bytes:
        """The space that encoding puts before a text and decoding takes away again, or nothing.

        The words of WordPiece have one each, that of the first word included.
        """
        words_have = self.spec.family == "wordpiece" or self.spec.word_space == "before"
        return b" " if words_have or self.spec.prefix_space != "never" else b""
