"""Matches without regard to case in Oniguruma that are not one character for one: `ss` and `ß`.

Literal characters that stand beside each other are taken together, from the left, as many as have a
common variant: `sst` matches `ßt`, not `sﬆ`. A class that holds such a character matches what it
folds to, too, after its single characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from tokkit.text.regex.characters.charset import CharSet
from tokkit.text.regex.characters.unicode_properties import multiple_folds, simple_case_variants
from tokkit.text.regex.nodes import Chars, Choice, Literal, Node
from tokkit.text.regex.nodes import Sequence as Parts


def join_literals(parts: Sequence[Node]) -> list[Node]:
    """Parts of a sequence, with the variants of literals that stand beside each other."""
    joined: list[Node] = []
    k = 0
    while k < len(parts):
        node, size = _variants_at(parts, k)
        joined.append(node)
        k += size
    return joined


def class_with_folds(charset: CharSet) -> Node:
    """A class of single characters, with what some of them fold to."""
    found = {text for char, text in multiple_folds().items() if ord(char) in charset}
    if not found:
        return Chars(charset)
    return Choice((Chars(charset), *map(_spelled, sorted(found))))


def _variants_at(parts: Sequence[Node], k: int) -> tuple[Node, int]:
    """What stands for the literals from the k-th part on, and how many parts that are."""
    node = parts[k]
    if not isinstance(node, Literal):
        return node, 1
    own = multiple_folds().get(node.char)
    if own is not None:
        single = node.charset | CharSet.of(*_points(_by_fold()[own]))
        return Choice((Chars(single), _spelled(own))), 1
    for size in (3, 2):
        literals = [part for part in parts[k : k + size] if isinstance(part, Literal)]
        chars = _by_fold().get("".join(_folded(part.char) for part in literals))
        if len(literals) == size and chars is not None:
            several = Parts(tuple(Chars(part.charset) for part in literals))
            return Choice((several, Chars(CharSet.of(*_points(chars))))), size
    return Chars(node.charset), 1


def _folded(char: str) -> str:
    """The lower-case variant; characters that fold to several are left alone."""
    return char if char in multiple_folds() else char.casefold()


def _spelled(text: str) -> Node:
    sets = (CharSet.of(*((c, c) for c in simple_case_variants(ord(char)))) for char in text)
    return Parts(tuple(map(Chars, sets)))


def _points(chars: Iterable[str]) -> list[tuple[int, int]]:
    return [(ord(char), ord(char)) for char in chars]


@cache
def _by_fold() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for char, text in multiple_folds().items():
        found.setdefault(text, []).append(char)
    return found
