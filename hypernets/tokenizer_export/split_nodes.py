"""The `pre_tokenizer` of a tokenizer.json, from a spec's split rules.

The inverse of `tokkit.text.formats.hugging_face.pretokenizers`: a rule that was made from a
pretokenizer of the library becomes that one again, any other a `Split` by its pattern.
"""

from __future__ import annotations

import re

from tokkit.errors import UnsupportedError
from tokkit.hypernets.tokenizer_export.nodes import Node
from tokkit.hypernets.tokenizer_export.normalizer_nodes import NormalizerNodes
from tokkit.hypernets.tokenizer_export.oniguruma import in_oniguruma
from tokkit.hypernets.tokenizer_export.refusal import refused
from tokkit.text.formats.hugging_face.normalizers import NormalizerPlan
from tokkit.text.formats.hugging_face.pretokenizers import read_pretokenizer
from tokkit.text.formats.patterns import GPT2
from tokkit.text.spec import Behavior, SplitRule, TokenizerSpec

_BEHAVIORS: dict[Behavior, str] = {
    "isolated": "Isolated",
    "removed": "Removed",
    "merged_with_previous": "MergedWithPrevious",
    "merged_with_next": "MergedWithNext",
    "contiguous": "Contiguous",
}
_WORDS = " [^ ]*|[^ ]+"
"""What a Metaspace with `split` cuts, in byte space."""


def split_nodes(spec: TokenizerSpec, made: NormalizerNodes, *, byte_level: bool) -> list[Node]:
    """The nodes of a pretokenizer, in order.

    Args:
        spec: the tokenizer.
        made: what its normalizers amount to.
        byte_level: whether its model works on the GPT-2 byte alphabet.

    Raises:
        UnsupportedError: a cut that the library cannot make there.
    """
    if byte_level:
        return _of_bytes(spec, made)
    before: list[Node] = [{"type": "WhitespaceSplit"}] if made.words_by_space else []
    after: list[Node] = []
    for rule in spec.splits:
        if not made.mark or rule.space == made.mark:
            # A rule that sees marks as they are stands behind whatever makes them.
            (after if made.mark else before).append(_node(rule, spec))
        elif rule.pattern == _WORDS and rule.behavior == "isolated":
            mark = re.escape(made.mark)
            words = f"{mark}[^{mark}]*|[^{mark}]+"
            after.append(_node(SplitRule(words), spec))
        elif made.metaspace and not after:
            before.append(_node(rule, spec))
        else:
            raise refused(spec, f"cuts at {rule.pattern[:60]!r}, which sees spaces and not marks")
    metaspace = [_metaspace(made)] if made.metaspace or made.words_by_space else []
    if before and made.metaspace in ("always", "first") and not made.words_by_space:
        raise refused(spec, "puts a space before a text, which its cuts do not see")
    return [*before, *metaspace, *after]


def _metaspace(made: NormalizerNodes) -> Node:
    scheme = "always" if made.words_by_space else made.metaspace
    return {
        "type": "Metaspace", "replacement": made.mark, "prepend_scheme": scheme, "split": False,
    }  # fmt: skip


def _of_bytes(spec: TokenizerSpec, made: NormalizerNodes) -> list[Node]:
    if made.mark:
        raise refused(spec, f"marks spaces by {made.mark!r} in a vocabulary of bytes")
    chars = [rule for rule in spec.splits if not rule.sees_bytes]
    of_bytes = [rule for rule in spec.splits if rule.sees_bytes]
    byte_level = _byte_level(prefix=made.byte_prefix, by_pattern=False)
    if made.byte_prefix:
        # The space comes first, and what cuts behind it would see the renamed bytes.
        if chars not in ([], [SplitRule(GPT2)]):
            raise refused(spec, "puts a space before a text and cuts it by a pattern of its own")
        byte_level["use_regex"], chars = bool(chars), []
    before = [_node(rule, spec) for rule in chars]
    return [*before, byte_level, *(_node(rule, spec) for rule in of_bytes)]


def _byte_level(*, prefix: bool, by_pattern: bool) -> Node:
    return {
        "type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True,
        "use_regex": by_pattern,
    }  # fmt: skip


def _node(rule: SplitRule, spec: TokenizerSpec) -> Node:
    for node in _OWN:
        if _rule_of(node) == (rule.pattern, rule.behavior, rule.invert, rule.dialect):
            return node
    pattern = _without_own_classes(rule, spec)
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": _BEHAVIORS[rule.behavior],
        "invert": rule.invert,
    }


def _without_own_classes(rule: SplitRule, spec: TokenizerSpec) -> str:
    try:
        return in_oniguruma(rule.pattern, rule.dialect)
    except UnsupportedError as error:
        raise refused(spec, f"cuts at {rule.pattern[:80]!r} ({error})") from error


_OWN: list[Node] = [
    {"type": "Whitespace"},
    {"type": "WhitespaceSplit"},
    {"type": "UnicodeScripts"},
    *({"type": "Digits", "individual_digits": alone} for alone in (True, False)),
    *({"type": "Punctuation", "behavior": behavior} for behavior in _BEHAVIORS.values()),
]
"""Pretokenizers of the library that are one rule each, whose classes no pattern can name."""


def _rule_of(node: Node) -> tuple[str, Behavior, bool, str]:
    rule = read_pretokenizer(node, NormalizerPlan(), "pre_tokenizer").splits[0]
    return rule.pattern, rule.behavior, rule.invert, rule.dialect
