"""A view of tokkit with the interface of tiktoken, as a plugin of pytest.

Everything is computed by tokkit. Loading this module puts it in the place of the package, so that
the tests of a checkout import it. The rank files are those of `fetch/real_tokenizers.py`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from benchmarks.peer_tests.suites.fetched import rank_file
from tokkit.text.formats.patterns import TIKTOKEN
from tokkit.text.formats.tiktoken import parse_ranks, ranked_spec
from tokkit.text.spec import SplitRule
from tokkit.text.tokenizer import TextTokenizer

Specials = Literal["all"] | Collection[str]

# The encodings of the suite; `TIKTOKEN` has some of other publishers as well.
_RANKS_OF = {
    "gpt2": "r50k_base",
    "r50k_base": "r50k_base",
    "p50k_base": "p50k_base",
    "p50k_edit": "p50k_base",
    "cl100k_base": "cl100k_base",
    "o200k_base": "o200k_base",
    "o200k_harmony": "o200k_base",
}


class Encoding:
    """`tiktoken.Encoding`, by a `TextTokenizer`."""

    def __init__(
        self,
        name: str,
        *,
        pat_str: str,
        mergeable_ranks: Mapping[bytes, int],
        special_tokens: Mapping[str, int],
    ) -> None:
        self.name = name
        self._pat_str = pat_str
        self._mergeable_ranks = dict(mergeable_ranks)
        self._special_tokens = dict(special_tokens)
        self._special_texts = {token: text for text, token in special_tokens.items()}
        splits = (SplitRule(pat_str, dialect="rust"),)
        self._tokenizer = TextTokenizer(
            ranked_spec(mergeable_ranks, special_tokens, name=name, splits=splits)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        fields = self.name, self._pat_str, self._mergeable_ranks, self._special_tokens
        return _rebuild, fields

    @property
    def n_vocab(self) -> int:
        """Number of ids."""
        return self._tokenizer.vocab_size

    @property
    def max_token_value(self) -> int:
        """The highest id."""
        return self.n_vocab - 1

    @property
    def eot_token(self) -> int:
        """The id that ends a text."""
        return self._special_tokens["<|endoftext|>"]

    # -- encoding ----------------------------------------------------------------------------

    def encode(
        self, text: str, *, allowed_special: Specials = (), disallowed_special: Specials = "all"
    ) -> list[int]:
        """Ids, with the allowed special tokens; a `ValueError` on a disallowed one."""
        allowed = set(self._special_tokens if allowed_special == "all" else allowed_special)
        if disallowed_special == "all":
            disallowed = set(self._special_tokens) - allowed
        else:
            disallowed = set(disallowed_special)
        if found := _any_of(disallowed).search(text):
            raise ValueError(f"disallowed special token {found[0]!r}")
        text = _without_surrogates(text)
        if allowed == set(self._special_tokens):
            return self._tokenizer.encode(text, specials=True)
        ids: list[int] = []
        for k, part in enumerate(re.split(f"({_any_of(allowed).pattern})", text)):
            ids += [self._special_tokens[part]] if k % 2 else self._tokenizer.encode(part)
        return ids

    def encode_ordinary(self, text: str) -> list[int]:
        """Ids; text that looks like a special token is text."""
        return self._tokenizer.encode(_without_surrogates(text))

    def encode_batch(self, texts: Sequence[str], **options: Any) -> list[list[int]]:
        """`encode` of each."""
        return [self.encode(text, **options) for text in texts]

    def encode_ordinary_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode_ordinary` of each."""
        return [self.encode_ordinary(text) for text in texts]

    def encode_single_token(self, text: str | bytes) -> int:
        """The id of one token."""
        if isinstance(text, str):
            if text in self._special_tokens:
                return self._special_tokens[text]
            text = text.encode()
        if text in self._mergeable_ranks:
            return self._mergeable_ranks[text]
        return self._special_tokens[text.decode()]

    def _encode_bytes(self, data: bytes) -> list[int]:
        return self._tokenizer.encode(data)

    # -- decoding ----------------------------------------------------------------------------

    def decode_single_token_bytes(self, token: int) -> bytes:
        """Bytes of one id; `KeyError` for a hole."""
        if token in self._special_texts:
            return self._special_texts[token].encode()
        data = self._tokenizer.token_bytes(token)
        if not data:
            raise KeyError(token)
        return data

    def decode_bytes(self, tokens: Iterable[int]) -> bytes:
        """Bytes of ids, those of special tokens as they are spelled."""
        return b"".join(self.decode_single_token_bytes(token) for token in tokens)

    def decode(self, tokens: Iterable[int], errors: str = "replace") -> str:
        """Text of ids."""
        return self.decode_bytes(tokens).decode(errors=errors)

    def decode_batch(self, batch: Iterable[Iterable[int]]) -> list[str]:
        """`decode` of each."""
        return [self.decode(tokens) for tokens in batch]

    def decode_with_offsets(self, tokens: Sequence[int]) -> tuple[str, list[int]]:
        """Text of ids, and the character in which each begins."""
        offsets: list[int] = []
        n_chars = 0
        for token in tokens:
            data = self.decode_single_token_bytes(token)
            goes_on = 0x80 <= data[0] < 0xC0
            offsets.append(max(0, n_chars - goes_on))
            n_chars += sum(not 0x80 <= byte < 0xC0 for byte in data)
        return self.decode_bytes(tokens).decode(errors="strict"), offsets


def _rebuild(
    name: str, pattern: str, ranks: Mapping[bytes, int], specials: Mapping[str, int]
) -> Encoding:
    return Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials)


def _any_of(texts: Collection[str]) -> re.Pattern[str]:
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def _without_surrogates(text: str) -> str:
    """Surrogate pairs become their characters, lone surrogates U+FFFD, as tiktoken has it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@lru_cache
def get_encoding(name: str) -> Encoding:
    """An encoding, made once."""
    path = rank_file(_RANKS_OF[name])
    known = TIKTOKEN[name]
    return _rebuild(
        name, known.pattern, parse_ranks(path.read_bytes(), path.name), known.special_tokens
    )


def list_encoding_names() -> list[str]:
    """The encodings that the suite goes through."""
    return list(_RANKS_OF)


sys.modules["tiktoken"] = sys.modules[__name__]
