"""Where each character of a normalised text comes from.

Steps of the `tokenizers` library are asked themselves, so that offsets are those of the reference;
tokkit's own tell by what they do. All of it is for offsets alone: ids never need it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tokkit.text.formats.sentencepiece.charsmap import CharsMap
from tokkit.text.normalizers import (
    Chain,
    LibraryNormalizer,
    Lowercase,
    PrependText,
    ProtectLiterals,
    ReplaceText,
    SpaceMark,
    SqueezeSpaces,
    WordsBySpace,
    library_normalizer,
)
from tokkit.text.sentencepiece_normalizer import SentencePieceNormalizer
from tokkit.text.spec import Normalizer

_INVALID = re.compile("([\udc80-\udcff]+)")


@dataclass(frozen=True, eq=False)
class Alignment:
    """A text that was made from another one.

    Attributes:
        text: what was made.
        starts: int64 (len(text),), where in the other text each character's origin starts.
        ends: int64 (len(text),), and where it ends.
    """

    text: str
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def identity(cls, text: str) -> Alignment:
        """Every character comes from itself."""
        places = np.arange(len(text) + 1, dtype=np.int64)
        return cls(text, places[:-1], places[1:])

    @classmethod
    def of_parts(cls, parts: Iterable[tuple[str, int, int]]) -> Alignment:
        """From the pieces of the text that was made, with the start and end of their origins."""
        texts: list[str] = []
        spans: list[tuple[int, int]] = []
        for text, start, end in parts:
            texts.append(text)
            spans += [(start, end)] * len(text)
        table = np.array(spans, dtype=np.int64).reshape(-1, 2)
        return cls("".join(texts), table[:, 0].copy(), table[:, 1].copy())

    def unchanged(self, other: str) -> NDArray[np.bool_]:
        """Which characters come from one character of the other text, and are that: bool (n,)."""
        points, others = code_points(self.text), code_points(other)
        single = self.starts + 1 == self.ends
        return single & (others[np.where(single, self.starts, 0)] == points)

    def then(self, later: Alignment) -> Alignment:
        """What `later` made of this text, in terms of the text that this one was made from."""
        size = len(self.text)
        if not size:
            nowhere = np.zeros(len(later.text), dtype=np.int64)
            return Alignment(later.text, nowhere, nowhere)
        starts = self.starts[np.minimum(later.starts, size - 1)]
        ends = self.ends[np.clip(later.ends - 1, 0, size - 1)]
        return Alignment(later.text, starts, np.where(later.starts < later.ends, ends, starts))


def code_points(text: str) -> NDArray[np.uint32]:
    """The numbers of the characters, those of surrogate escapes included: uint32 (n,)."""
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype="<u4")


def align(normalizer: Normalizer, text: str) -> Alignment:
    """Normalise a text of valid Unicode, and tell where every character comes from.

    A normaliser of a class that tokkit does not know is taken to have rewritten everything between
    what the two texts begin with and what they end with.

    Raises:
        EncodingError: the normaliser fails on this text.
    """
    match normalizer:
        case Chain(steps=steps):
            whole = Alignment.identity(text)
            for step in steps:
                whole = whole.then(align(step, whole.text))
            return whole
        case Lowercase(inner=inner):
            return align(inner, text)
        case ProtectLiterals():
            return Alignment.of_parts(_protected(normalizer, text))
        case SqueezeSpaces():
            return Alignment.of_parts(_squeezed(text))
        case WordsBySpace():
            return Alignment.of_parts(_words(normalizer, text))
        case CharsMap():
            return Alignment.of_parts(normalizer.units(text))
        case SentencePieceNormalizer():
            return Alignment.of_parts(normalizer.origins(text))
        case _:
            return _align_step(normalizer, text)


def valid_and_invalid(text: str) -> list[str]:
    """Runs of valid Unicode, and of surrogate escapes at the odd places between them."""
    return _INVALID.split(text)


def align_valid(normalizer: Normalizer, text: str) -> Alignment:
    """`align` of the stretches of valid Unicode; surrogate escapes between them are left alone."""
    runs = valid_and_invalid(text)
    if len(runs) == 1:
        return align(normalizer, text)
    parts: list[Alignment] = []
    start = 0
    for k, part in enumerate(runs):
        piece = Alignment.identity(part) if k % 2 or not part else align(normalizer, part)
        parts.append(Alignment(piece.text, piece.starts + start, piece.ends + start))
        start += len(part)
    return Alignment(
        "".join(part.text for part in parts),
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.ends for part in parts]),
    )


def _align_step(step: Normalizer, text: str) -> Alignment:
    made = step(text)
    if made == text or isinstance(step, SpaceMark):
        return replace(Alignment.identity(text), text=made)
    match step:
        case LibraryNormalizer(step=library):
            return _ask_library(library, text)
        case ReplaceText(old=old, new=new):
            return align(library_normalizer("Replace", old, new), text)
        case PrependText(prefix=prefix):
            return Alignment.of_parts([(prefix, 0, 0), *_each(text, 0)])
        case _:
            return Alignment.of_parts(_changed_middle(text, made))


def _ask_library(step: object, text: str) -> Alignment:
    from tokenizers import PreTokenizedString, Regex

    every = Regex(r"[\s\S]")

    def each_character(_: int, part: Any) -> Any:
        return part.split(every, "isolated")

    normalize = cast("Callable[[Any], None]", getattr(step, "normalize"))  # noqa: B009
    whole: Any = PreTokenizedString(text)
    whole.normalize(normalize)
    whole.split(each_character)
    splits = whole.get_splits(offset_referential="original", offset_type="char")
    return Alignment.of_parts((char, start, end) for char, (start, end), _ in splits)


def _each(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    for k, char in enumerate(text, start):
        yield char, k, k + 1


def _protected(step: ProtectLiterals, text: str) -> Iterator[tuple[str, int, int]]:
    start = 0
    for k, part in enumerate(step.parts(text)):
        inner = Alignment.identity(part) if k % 2 else align(step.inner, part)
        for char, low, high in zip(
            inner.text, inner.starts.tolist(), inner.ends.tolist(), strict=True
        ):
            yield char, start + low, start + high
        start += len(part)


def _squeezed(text: str) -> Iterator[tuple[str, int, int]]:
    for match in re.finditer(" +|[^ ]+", text.strip(" ")):
        start = len(text) - len(text.lstrip(" ")) + match.start()
        if match[0][0] == " ":
            yield " ", start, start + len(match[0])
        else:
            yield from _each(match[0], start)


def _words(step: WordsBySpace, text: str) -> Iterator[tuple[str, int, int]]:
    """The space before a word stands for nothing in the text: white space was dropped."""
    first = True
    for start, word in step.words(text):
        if not first and not word.startswith(step.mark):
            yield " ", start, start
        yield from _each(word, start)
        first = False


def _changed_middle(text: str, made: str) -> Iterator[tuple[str, int, int]]:
    limit = min(len(text), len(made))
    head = next((k for k in range(limit) if text[k] != made[k]), limit)
    tail = next((k for k in range(limit - head) if text[-1 - k] != made[-1 - k]), limit - head)
    yield from _each(text[:head], 0)
    yield made[head : len(made) - tail], head, len(text) - tail
    yield from _each(text[len(text) - tail :], len(text) - tail)
