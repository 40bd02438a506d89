"""Texts that two tokenizers cut differently, and the smallest text of that kind.

Two encodings are the same when their tokens stand for the same bytes one by one; ids may differ.
A text that is cut differently is shrunk as long as it still is (`tokkit.audit.safety.shrinking`),
so no single character can be left out of the result. Besides, texts that are a token of only one
of both are tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tokkit.audit.expressible import ids_or_none
from tokkit.audit.safety.shrinking import shrink
from tokkit.text.tokenizer import TextTokenizer

Segmentation = tuple[bytes, ...] | None
"""The bytes of each token; None: no encoding."""

MAX_TOKENS_TRIED = 3000
MAX_SHRUNK = 12
"""Shrunk are at most so many texts, of different kinds and languages first."""


@dataclass(frozen=True)
class DifferentText:
    """A text that is cut differently.

    Attributes:
        group: language or kind of the text; `"token"` for one that is a token of one of them.
        text: the text.
        before: the bytes of its tokens; None: no encoding.
        after: the same with the other tokenizer.
    """

    group: str
    text: str
    before: Segmentation
    after: Segmentation


@dataclass(frozen=True)
class SegmentationChanges:
    """What is cut differently.

    Attributes:
        n_texts: group -> how many texts were compared.
        n_different: group -> how many of them are cut differently.
        smallest: of each of some groups, the smallest such text that was found; smallest first.
    """

    n_texts: Mapping[str, int]
    n_different: Mapping[str, int]
    smallest: tuple[DifferentText, ...]


def segmentation(tokenizer: TextTokenizer, text: str) -> Segmentation:
    """The bytes of each token of a text; a token without bytes as its id."""
    ids = ids_or_none(tokenizer, text)
    if ids is None:
        return None
    return tuple(tokenizer.token_bytes(token) or b"<%d>" % token for token in ids)


def differs(before: TextTokenizer, after: TextTokenizer, text: str) -> bool:
    """Whether both cut `text` differently."""
    return segmentation(before, text) != segmentation(after, text)


def compare_texts(
    before: TextTokenizer,
    after: TextTokenizer,
    texts: Mapping[str, Sequence[str]],
    tokens: Iterable[bytes] = (),
) -> SegmentationChanges:
    """Compare the segmentations of texts.

    Args:
        before: one tokenizer.
        after: the other.
        texts: group -> texts.
        tokens: bytes of tokens that only one of them has; tried as texts, the shortest first.
    """
    different = {
        group: [text for text in each if text and differs(before, after, text)]
        for group, each in texts.items()
    }
    firsts = [(group, min(each, key=len)) for group, each in different.items() if each]

    found: dict[str, DifferentText] = {}
    for group, first in firsts[:MAX_SHRUNK]:
        text = shrink(first, partial(differs, before, after))
        found.setdefault(text, _different(before, after, group, text))
    smallest = _smallest_token(before, after, tokens)
    if smallest is not None and smallest not in found:
        found[smallest] = _different(before, after, "token", smallest)
    ranked = sorted(found.values(), key=lambda each: (len(each.text.encode()), each.text))
    return SegmentationChanges(
        n_texts={group: len(each) for group, each in texts.items()},
        n_different={group: len(each) for group, each in different.items()},
        smallest=tuple(ranked),
    )


def _smallest_token(
    before: TextTokenizer, after: TextTokenizer, tokens: Iterable[bytes]
) -> str | None:
    for data in sorted(set(tokens), key=lambda data: (len(data), data))[:MAX_TOKENS_TRIED]:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        if text and differs(before, after, text):
            return shrink(text, partial(differs, before, after))
    return None


def _different(before: TextTokenizer, after: TextTokenizer, group: str, text: str) -> DifferentText:
    return DifferentText(group, text, segmentation(before, text), segmentation(after, text))
