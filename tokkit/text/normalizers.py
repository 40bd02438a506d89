"""Text normalizers: `str -> str`, named, picklable, and safe to build from an untrusted file.

Normal forms, accents, BERT's and NMT's cleaning come from the `tokenizers` library, because being
equal to the reference is their whole point. What a hostile file could use against that library
(a damaged charsmap aborts it, five `Replace` steps of `a` to fifty `a` exhaust memory, a pattern
can backtrack for ever) is checked before anything is built.

U+2581 (`▁`): formats in the SentencePiece tradition write a space so, and read a U+2581 in the
text as a space too. In byte space tokens hold real spaces, so `SpaceMark` maps U+2581 in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from tokkit.errors import EncodingError, FormatError, UnsupportedError
from tokkit.text.normal_forms import NORMAL_FORMS, normalized_in_parts
from tokkit.text.spec import Normalizer, TokenizerSpec
from tokkit.text.white_space import WHITE_SPACE

MAX_GROWTH = 64.0
"""A file's replacements together may make a text at most this many times longer."""

MAX_PATTERN_CHARS = 65_536
_MAX_REPLACE_PATTERN = 256
_SPACES = re.compile(f"[{WHITE_SPACE}]+")
_WORDS = re.compile(f"[^{WHITE_SPACE}]+")


class _LibraryObject(Protocol):
    def normalize_str(self, sequence: str) -> str: ...


@dataclass(frozen=True)
class LibraryNormalizer:
    """A normalizer of the `tokenizers` library, with a quick way out for ASCII where it is safe."""

    name: str
    step: _LibraryObject
    keeps_ascii: bool = False

    def __call__(self, text: str) -> str:
        """The normalised text.

        Raises:
            EncodingError: the library fails on this text.
        """
        if self.keeps_ascii and text.isascii():
            return text
        if self.name in NORMAL_FORMS:
            data = text.encode(errors="surrogatepass")
            made = normalized_in_parts(data, self.name, self.whole)
            if made is not None:
                return text if made is data else made.decode()
        return self.whole(text)

    def whole(self, text: str) -> str:
        """What the library makes of the text, without a way out.

        Raises:
            EncodingError: the library fails on this text.
        """
        try:
            return self.step.normalize_str(text)
        except Exception as error:
            raise EncodingError(f"normalizer {self.name} fails on this text: {error}") from error
        except BaseException as error:
            # A Rust panic arrives as a BaseException of the binding; it must not end a server.
            if type(error).__name__ != "PanicException":
                raise
            raise EncodingError(f"the normalizer {self.name} panics on this text") from error

    def __reduce__(self) -> tuple[Callable[..., LibraryNormalizer], tuple[object, ...]]:
        """Pickled as a sequence of one step: the library cannot restore every step by itself."""
        from tokenizers import normalizers

        return _only_step_of, (
            self.name,
            normalizers.Sequence([cast(Any, self.step)]),
            self.keeps_ascii,
        )


def _only_step_of(name: str, steps: Any, keeps_ascii: bool) -> LibraryNormalizer:
    return LibraryNormalizer(name, steps[0], keeps_ascii)


@dataclass(frozen=True)
class Lowercase:
    """Full lowercase mapping. ASCII is mapped here, the rest by the library."""

    inner: LibraryNormalizer
    name: str = "Lowercase"

    def __call__(self, text: str) -> str:
        """The normalised text."""
        return text.lower() if text.isascii() else self.inner(text)


@dataclass(frozen=True)
class ReplaceText:
    """Replaces every occurrence of a string."""

    old: str
    new: str

    @property
    def name(self) -> str:
        """For messages."""
        return f"Replace({self.old!r} -> {self.new!r})"

    def __call__(self, text: str) -> str:
        """The normalised text."""
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class SpaceMark:
    """Reads the mark that stands for a space (U+2581) as a space, as the reference does."""

    mark: str = "\u2581"
    name: str = "U+2581 as space"

    def __call__(self, text: str) -> str:
        """The normalised text."""
        return text.replace(self.mark, " ")


@dataclass(frozen=True)
class PrependText:
    """Puts a string before a text that is not empty."""

    prefix: str

    @property
    def name(self) -> str:
        """For messages."""
        return f"Prepend({self.prefix!r})"

    def __call__(self, text: str) -> str:
        """The normalised text."""
        return self.prefix + text if text else text


@dataclass(frozen=True)
class SqueezeSpaces:
    """Drops spaces at both ends and makes one of several (`remove_extra_whitespaces`)."""

    name: str = "squeeze spaces"

    def __call__(self, text: str) -> str:
        """The normalised text."""
        return re.sub(" {2,}", " ", text.strip(" "))


@dataclass(frozen=True)
class WordsBySpace:
    """Makes one space of every run of Unicode whitespace, none at the ends and before a mark.

    What `WhitespaceSplit` followed by `Metaspace` amounts to (T5, XLM-R): whitespace goes, and
    each word gets one space before it, unless it begins with the mark that stands for one.
    """

    mark: str = "\u2581"
    name: str = "words by space"

    def __call__(self, text: str) -> str:
        """The normalised text."""
        return _SPACES.sub(" ", text).strip(" ").replace(" " + self.mark, self.mark)

    @staticmethod
    def words(text: str) -> Iterator[tuple[int, str]]:
        """Each word, and where it starts."""
        return ((match.start(), match[0]) for match in _WORDS.finditer(text))


@dataclass(frozen=True)
class ProtectLiterals:
    """Normalises only what lies between literals, which are cut out of the raw text first."""

    inner: Normalizer
    literals: tuple[str, ...]

    @property
    def name(self) -> str:
        """For messages: that of the inner normalizer."""
        return self.inner.name

    def __call__(self, text: str) -> str:
        """The normalised text."""
        parts = self.parts(text)
        return "".join([part if i % 2 else self.inner(part) for i, part in enumerate(parts)])

    def parts(self, text: str) -> list[str]:
        """What lies between literals, at even places, and the literals."""
        longest_first = sorted(self.literals, key=len, reverse=True)
        return re.split("(" + "|".join(map(re.escape, longest_first)) + ")", text)


@dataclass(frozen=True)
class Chain:
    """Several normalizers, one after the other."""

    steps: tuple[Normalizer, ...]

    @property
    def name(self) -> str:
        """The names of the steps, joined by `" + "`."""
        return " + ".join(step.name for step in self.steps)

    def __call__(self, text: str) -> str:
        """The normalised text."""
        for step in self.steps:
            text = step(text)
        return text


def chain(steps: Sequence[Normalizer]) -> Normalizer | None:
    """`steps` as one normalizer; None if there are none."""
    if len(steps) == 1:
        return steps[0]
    return Chain(tuple(steps)) if steps else None


def whole_normalizer(spec: TokenizerSpec) -> Normalizer | None:
    """All that is done to a text, added tokens aside."""
    return chain([step for step in (spec.normalizer, spec.renaming) if step is not None])


def made_of_bytes(normalizer: Normalizer, data: bytes) -> bytes | None:
    """What a normalizer makes of a text, where its bytes tell without decoding all of them.

    Returns:
        `data` itself if a glance tells that it stays as it is; None if the bytes do not tell.

    Raises:
        EncodingError: the normalizer fails on this text.
    """
    if isinstance(normalizer, SpaceMark):
        return data if normalizer.mark.encode() not in data else None
    if not isinstance(normalizer, LibraryNormalizer):
        return None
    if normalizer.keeps_ascii and data.isascii():
        return data
    if normalizer.name in NORMAL_FORMS:
        return normalized_in_parts(data, normalizer.name, normalizer.whole)
    return None


def marks_spaces(normalizer: Normalizer | None) -> bool:
    """Whether what comes out has marks in place of spaces, written as spaces in byte space."""
    if isinstance(normalizer, Chain):
        return any(marks_spaces(step) for step in normalizer.steps)
    return isinstance(normalizer, SpaceMark)


def protect(inner: Normalizer, literals: Sequence[str]) -> Normalizer:
    """`inner`, but with those `literals` kept that it would change."""
    changed = tuple(literal for literal in literals if inner(literal) != literal)
    return ProtectLiterals(inner, changed) if changed else inner


def library_normalizer(kind: str, *arguments: object, **options: object) -> Normalizer:
    """The `tokenizers.normalizers` class called `kind`, built with checked arguments.

    Raises:
        FormatError: the library refuses the arguments.
    """
    from tokenizers import normalizers

    build = cast("Callable[..., _LibraryObject]", getattr(normalizers, kind))
    try:
        step = build(*arguments, **options)
    except Exception as error:
        raise FormatError(f"normalizer {kind}: the library refuses it: {error}") from error
    if kind == "Lowercase":
        return Lowercase(LibraryNormalizer(kind, step))
    ascii_is_fixed = kind in (*NORMAL_FORMS, "StripAccents")
    return LibraryNormalizer(kind, step, keeps_ascii=ascii_is_fixed)


def replace_pattern(pattern: str, content: str, where: str) -> Normalizer:
    """A `Replace` by regular expression, if the pattern cannot backtrack exponentially.

    Raises:
        FormatError: the pattern is too long, or no regular expression.
        UnsupportedError: it repeats a group, or has more than three unbounded repetitions.
    """
    if len(pattern) > _MAX_REPLACE_PATTERN:
        raise FormatError(
            f"{where}: a Replace pattern of {len(pattern):,} characters; "
            f"expected at most {_MAX_REPLACE_PATTERN}"
        )
    # Classes and escapes may hold any of the signs that are looked for.
    bare = re.sub(r"\[(?:\\.|[^\]\\])*\]", "x", re.sub(r"\\.", "x", pattern))
    if re.search(r"\)[*+?{]", bare) or len(re.findall(r"[*+]|\{\d*,\}", bare)) > 3:
        raise UnsupportedError(
            f"{where}: the Replace pattern {pattern!r} could take exponential time (a repeated "
            "group, or more than three unbounded repetitions); tokkit does not run it"
        )
    from tokenizers import Regex

    try:
        compiled = Regex(pattern)
    except Exception as error:
        raise FormatError(f"{where}: Replace pattern {pattern!r}: {error}") from error
    return library_normalizer("Replace", compiled, content)
