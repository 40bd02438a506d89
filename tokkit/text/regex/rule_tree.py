"""The pattern of a split rule as it applies to text in byte space.

Where a tokenizer has written its spaces as marks (U+2581), its patterns see marks. In byte space a
mark is a space again: so the space takes the mark's place in every set of characters.
"""

from __future__ import annotations

from collections.abc import Callable

from tokkit.text.regex.charset import CharSet
from tokkit.text.regex.nodes import (
    AtEnd,
    Atomic,
    Chars,
    Choice,
    Look,
    Loop,
    NextIs,
    NextNot,
    Node,
    Repeat,
    Sequence,
)
from tokkit.text.regex.syntax import parse
from tokkit.text.spec import SplitRule

_SPACE = CharSet.single(" ")


def rule_tree(rule: SplitRule) -> Node:
    """The syntax tree of a rule's pattern.

    Raises:
        UnsupportedError: the pattern is malformed or uses a construct outside the subset.
    """
    tree = parse(rule.pattern, rule.dialect)
    if rule.space == " ":
        return tree
    mark = ord(rule.space)
    others = ~CharSet.single(" ")
    return _with_sets(
        tree, lambda charset: charset | _SPACE if mark in charset else charset & others
    )


def _with_sets(node: Node, change: Callable[[CharSet], CharSet]) -> Node:
    """The same tree with other sets of characters."""
    match node:
        case Chars(charset):
            return Chars(change(charset))
        case NextIs(charset):
            return NextIs(change(charset))
        case NextNot(charset):
            return NextNot(change(charset))
        case AtEnd():
            return node
        case Look(part, behind, negative):
            return Look(_with_sets(part, change), behind, negative)
        case Atomic(part):
            return Atomic(_with_sets(part, change))
        case Sequence(parts):
            return Sequence(tuple(_with_sets(part, change) for part in parts))
        case Choice(alternatives):
            return Choice(tuple(_with_sets(part, change) for part in alternatives))
        case Repeat(part, low, high, lazy):
            return Repeat(_with_sets(part, change), low, high, lazy)
        case Loop(ways):
            return Loop(tuple((_with_sets(part, change), again) for part, again in ways))
