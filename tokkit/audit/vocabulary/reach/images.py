"""What can not stand in a normalised text, with proofs.

A token is reached only if some text is normalised to one that holds its characters. For each step
that tokkit knows there is a reason why certain characters can not be in what it makes:

* NFC, NFD, NFKC, NFKD: every part of a normalised string is normalised (Unicode Standard Annex 15,
  section 1, "Stability and substrings": the forms are closed under taking substrings). So a string
  that the step would change is part of no result.
* Lowercase: works character by character, and what it makes it leaves alone.
* Replacing one string by another: the old one is part of no result if it is one character that the
  new one lacks, or if the two share no character and the new one is not empty.
* Squeezing spaces: no result holds two in a row; making words of white space: none but a space.
* BERT's cleaning and stripping of accents: work character by character but for the order of marks,
  so a character that no single character becomes is in no result.

Of the last step this is the whole truth; what an earlier one rules out stays out if no later step
could bring it back, which is only claimed where that is certain.
"""

from __future__ import annotations

from functools import lru_cache

from tokkit.text.normal_forms import NORMAL_FORMS
from tokkit.text.normalizers import (
    Chain,
    LibraryNormalizer,
    Lowercase,
    ProtectLiterals,
    ReplaceText,
    SpaceMark,
    SqueezeSpaces,
    WordsBySpace,
)
from tokkit.text.spec import Normalizer
from tokkit.text.white_space import WHITE_SPACE

_BY_CHARACTER = frozenset({"BertNormalizer", "StripAccents"})
_WHITE_SPACE = frozenset(WHITE_SPACE) - {" "}


def cannot_stand(normalizer: Normalizer | None, text: str) -> bool:
    """Whether no normalised text holds `text`; False also where that is not known.

    Args:
        normalizer: of the tokenizer, or None for the identity.
        text: one character or more.
    """
    if normalizer is None or not text:
        return False
    if isinstance(normalizer, ProtectLiterals):
        return cannot_stand(normalizer.inner, text)
    if isinstance(normalizer, Chain):
        return _chain_excludes(normalizer.steps, text)
    return _step_excludes(normalizer, text)


def _chain_excludes(steps: tuple[Normalizer, ...], text: str) -> bool:
    for k in range(len(steps) - 1, -1, -1):
        if _step_excludes(steps[k], text):
            return True
        if not _touches_only_spaces(steps[k]) or " " in text:
            return False
    return False


def _touches_only_spaces(step: Normalizer) -> bool:
    """Whether what a step makes between two spaces was there before."""
    return isinstance(step, SpaceMark | SqueezeSpaces | WordsBySpace)


def _step_excludes(step: Normalizer, text: str) -> bool:
    if isinstance(step, SpaceMark):
        return step.mark in text
    if isinstance(step, ReplaceText):
        return step.old in text and _stays_away(step)
    if isinstance(step, SqueezeSpaces):
        return "  " in text
    if isinstance(step, WordsBySpace):
        return "  " in text or not _WHITE_SPACE.isdisjoint(text)
    if isinstance(step, Lowercase):
        return step(text) != text
    if isinstance(step, LibraryNormalizer):
        if step.name in NORMAL_FORMS:
            return step(text) != text
        if step.name in _BY_CHARACTER:
            made = _characters_made(step)
            return any(char not in made for char in text)
    return False


def _stays_away(step: ReplaceText) -> bool:
    if len(step.old) == 1:
        return step.old not in step.new
    return bool(step.new) and set(step.old).isdisjoint(step.new)


@lru_cache(maxsize=4)
def _characters_made(step: LibraryNormalizer) -> frozenset[str]:
    """Every character in what single characters become."""
    points = (point for point in range(0x110000) if not 0xD800 <= point < 0xE000)
    return frozenset(char for point in points for char in step(chr(point)))
