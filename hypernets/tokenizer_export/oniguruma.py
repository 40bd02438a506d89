r"""A pattern of one regex engine in the syntax of another: what `tokenizers` runs is Oniguruma.

Rank files and tekken files come with patterns for Rust's engines. Most mean the same in Oniguruma,
which the syntax trees of both tell. The others (`\p{N}{1,3}+` is possessive in Rust alone, `$`
matches at lines in Ruby's syntax) are written anew from the tree:

    >>> in_oniguruma(r"\p{N}{1,3}+|\s++$", "rust")
    '(?:(?:\\p{N}{3}|\\p{N}{1,2}(?!\\p{N}))|\\s{1,}(?!\\s)\\z)'
"""

from __future__ import annotations

from functools import cache

from tokkit.errors import UnsupportedError
from tokkit.text.regex.characters.charset import INVALID, CharSet
from tokkit.text.regex.nodes import (
    AtEnd,
    Atomic,
    Chars,
    Choice,
    Literal,
    Look,
    NextIs,
    NextNot,
    Node,
    Repeat,
    Sequence,
)
from tokkit.text.regex.syntax import parse
from tokkit.text.spec import Dialect

_CLASSES = (
    r"\p{L}", r"\p{N}", r"\p{M}", r"\p{P}", r"\p{S}", r"\p{Lu}", r"\p{Lt}", r"\p{Lm}", r"\p{Lo}",
    r"\p{Ll}", r"\p{Nd}", r"\p{Han}", r"\s", r"\w",
)  # fmt: skip
"""What ranges are called where that is shorter, the wider ones first."""
_SURROGATES = CharSet(((0xD800, 0xDFFF), (INVALID, INVALID)))
"""What no text holds, so that it does not matter whether a set does."""


def in_oniguruma(pattern: str, dialect: Dialect) -> str:
    """A pattern that means in Oniguruma what `pattern` means in its own engine.

    Raises:
        UnsupportedError: a construct that only the other engine has.
    """
    if dialect == "oniguruma":
        return pattern
    tree = parse(pattern, dialect)
    try:
        if parse(pattern, "oniguruma") == tree:
            return pattern
    except UnsupportedError:
        pass  # it may still be written in another way
    return _written(tree)


def _written(node: Node) -> str:
    match node:
        case Literal():
            raise UnsupportedError(
                f"the pattern has {node.char!r} without regard to case, which may match together "
                "with its neighbours; Oniguruma does that in its own way"
            )
        case Chars(charset):
            return _set(charset)
        case NextNot(charset):
            return f"(?!{_set(charset)})"
        case NextIs(charset):
            return f"(?={_set(charset)})"
        case AtEnd():
            return r"\z"
        case Look(part, behind, negative):
            return f"(?{'<' if behind else ''}{'!' if negative else '='}{_written(part)})"
        case Atomic(part):
            return f"(?>{_written(part)})"
        case Sequence(parts):
            return "".join(map(_written, parts))
        case Choice(alternatives):
            return "(?:" + "|".join(map(_written, alternatives)) + ")"
        case Repeat(part, low, high, lazy):
            return _repeated(part, low, high, lazy=lazy)
        case _:
            raise UnsupportedError(
                "the pattern repeats without bound what can be empty, which the engines leave in "
                "different ways"
            )


def _repeated(part: Node, low: int, high: int | None, *, lazy: bool) -> str:
    inner = _written(part)
    if not isinstance(part, Chars):
        inner = f"(?:{inner})"
    if high == 0 or (low, high) == (1, 1):
        return inner if high else ""
    if low == high:
        # In Ruby's syntax `{n}?` is not lazy but optional.
        return f"{inner}{{{low}}}"
    bounds = f"{{{low},{'' if high is None else high}}}"
    return inner + bounds + ("?" if lazy else "")


@cache
def _set(charset: CharSet) -> str:
    """A set as a class of the shortest kind that is tried."""
    inside = _members(charset & ~_SURROGATES)
    outside = _members(~charset & ~_SURROGATES)
    if len(inside) <= len(outside):
        return inside if inside.startswith("\\") and inside in _CLASSES else f"[{inside}]"
    return f"[^{outside}]"


def _members(charset: CharSet) -> str:
    """The inside of a class: names of sets that lie in it, and the ranges that are left."""
    parts: list[str] = []
    left = charset
    for name in _CLASSES:
        named = _named(name)
        if left & named and not (named & ~charset).ranges and (left & named).ranges:
            parts.append(name)
            left = left & ~named
    for low, high in left.ranges:
        parts.append(_char(low) if low == high else f"{_char(low)}-{_char(high)}")
    return "".join(parts)


@cache
def _named(name: str) -> CharSet:
    # In brackets: there `\w` is another set in Oniguruma.
    node = parse(f"[{name}]", "oniguruma")
    assert isinstance(node, Chars)
    return node.charset & ~_SURROGATES


def _char(point: int) -> str:
    return chr(point) if chr(point).isalnum() and point < 0x80 else f"\\x{{{point:X}}}"
