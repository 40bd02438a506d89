"""The pattern of a split rule as it applies to text in byte space.

Where a tokenizer has written its spaces as marks (U+2581), its patterns see marks. In byte space a
mark is a space again: so the space takes the mark's place in every set of characters.
"""

from __future__ import annotations

from tokkit.text.regex.characters.charset import CharSet
from tokkit.text.regex.nodes import Node, with_charsets
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
    return with_charsets(
        tree, lambda charset: charset | _SPACE if mark in charset else charset & ~_SPACE
    )
