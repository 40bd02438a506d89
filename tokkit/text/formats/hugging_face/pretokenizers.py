"""The `pre_tokenizer` of a Hugging Face tokenizer.json, as split rules in byte space.

Each pretokenizer of the `tokenizers` library is a cut at the matches of a pattern, so each becomes
one `SplitRule`. ByteLevel and Metaspace do more: they rename bytes or spaces (undone in the
tokens), may put a space before the text (`prefix_space`), and what comes after them would look at
the renamed text, which no rule can express.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.json_text import want_bool, want_int, want_list, want_object, want_str
from tokkit.text.formats.hugging_face.normalizers import MARK, NormalizerPlan
from tokkit.text.formats.patterns import GPT2
from tokkit.text.normalizers import MAX_PATTERN_CHARS
from tokkit.text.regex.characters.unicode_properties import tokenizers_scripts
from tokkit.text.regex.syntax import MAX_REPEAT
from tokkit.text.spec import Behavior, PrefixSpace, PrefixUnit, SplitRule

_DIGIT = r"\p{tokenizers=digit}"
_PUNCTUATION = r"\p{tokenizers=punctuation}"
_BY_SPACE = SplitRule(r"\s+", "removed", dialect="rust")
_SPACELESS = {
    "Whitespace": [SplitRule(r"\w+|[^\w\s]+", "removed", invert=True, dialect="rust")],
    "WhitespaceSplit": [_BY_SPACE],
    "BertPreTokenizer": [_BY_SPACE, SplitRule(_PUNCTUATION, "isolated", dialect="rust")],
}
_BEHAVIORS: dict[str, Behavior] = {
    "Isolated": "isolated",
    "Removed": "removed",
    "MergedWithPrevious": "merged_with_previous",
    "MergedWithNext": "merged_with_next",
    "Contiguous": "contiguous",
}


@dataclass
class PretokenizerPlan:
    """What the pretokenizers of a file amount to.

    Attributes:
        splits: rules in order.
        byte_level: tokens are written in the GPT-2 byte alphabet.
        mark: the character that tokens hold in place of a space, or "".
        prefix_space: whether a space is put before a text.
        prefix_unit: what counts as a text there.
        spaceless: the cuts so far drop all spaces.
        cuts_scripts: one of them cuts by script, to which a mark in the text is no space.
        words_by_space: whitespace becomes one space before each word, as the last normalizer.
    """

    splits: list[SplitRule] = field(default_factory=list[SplitRule])
    byte_level: bool = False
    mark: str = ""
    prefix_space: PrefixSpace = "never"
    prefix_unit: PrefixUnit = "normalized"
    spaceless: bool = False
    cuts_scripts: bool = False
    words_by_space: bool = False


def read_pretokenizer(value: object, normalizer: NormalizerPlan, where: str) -> PretokenizerPlan:
    """Read the `pre_tokenizer` field.

    Raises:
        FormatError: damaged.
        UnsupportedError: a kind or a combination that split rules cannot express, named.
    """
    stages = _flatten(value, where)
    kinds = {kind for kind, _, _ in stages}
    by_bytes = normalizer.byte_level or "ByteLevel" in kinds
    if normalizer.marked and "Metaspace" not in kinds and (normalizer.makes_spaces or by_bytes):
        normalizer.keep_marks()
    plan = PretokenizerPlan(byte_level=normalizer.byte_level, prefix_space=normalizer.prefix_space)
    if normalizer.marked:
        plan.mark = MARK
    for kind, node, place in stages:
        if plan.byte_level and kind in ("ByteLevel", "Metaspace"):
            raise UnsupportedError(
                f"{place}: it stands after ByteLevel and would rename its characters"
            )
        if plan.byte_level:
            rules = _rules(kind, node, place)
            plan.splits.extend(replace(rule, sees_bytes=True) for rule in rules)
        elif kind == "ByteLevel":
            _add_byte_level(plan, node, normalizer, place)
        elif kind == "Metaspace":
            _add_metaspace(plan, node, normalizer, place)
        else:
            rules = _rules(kind, node, place)
            plan.splits.extend(replace(rule, space=plan.mark or " ") for rule in rules)
            plan.spaceless |= kind in _SPACELESS
            plan.cuts_scripts |= kind == "UnicodeScripts"
    return plan


def _flatten(value: object, where: str) -> list[tuple[str, dict[str, object], str]]:
    if value is None:
        return []
    node = want_object(value, where)
    kind = want_str(node.get("type"), f"{where}.type")
    if kind != "Sequence":
        return [(kind, node, f"{where} ({kind})")]
    children = want_list(node.get("pretokenizers"), f"{where}.pretokenizers")
    return [stage for child in children for stage in _flatten(child, where)]


def _add_byte_level(
    plan: PretokenizerPlan, node: dict[str, object], normalizer: NormalizerPlan, where: str
) -> None:
    if plan.mark:
        raise UnsupportedError(f"{where}: ByteLevel together with '▁' for spaces")
    if want_bool(node.get("add_prefix_space"), where, default=True):
        if plan.splits:
            raise UnsupportedError(
                f"{where}: add_prefix_space after another pretokenizer would put a space before "
                "every piece"
            )
        _put_space(plan, "stretch", normalizer)
    if want_bool(node.get("use_regex"), where, default=True):
        plan.splits.append(SplitRule(GPT2))
    plan.byte_level = True


def _put_space(plan: PretokenizerPlan, unit: PrefixUnit, normalizer: NormalizerPlan) -> None:
    """Put a space before each stretch that does not begin with one."""
    if plan.prefix_space == "unless_space" and plan.prefix_unit == "stretch":
        return  # each has one already
    if normalizer.prefix_space == "never":
        plan.prefix_space, plan.prefix_unit = "unless_space", unit
    elif unit == "stretch":
        # The normaliser has put one, but not behind the added tokens of normalised text.
        if normalizer.prefix_space == "always":
            normalizer.put_space_as_step()
        plan.prefix_space, plan.prefix_unit = "unless_space", unit


def _add_metaspace(
    plan: PretokenizerPlan, node: dict[str, object], normalizer: NormalizerPlan, where: str
) -> None:
    mark = want_str(node.get("replacement", MARK), f"{where}.replacement")
    if len(mark) != 1 or plan.mark not in ("", mark):
        raise FormatError(f"{where}: the replacement {mark!r}; expected one character, as '▁'")
    scheme = node.get("prepend_scheme")
    if scheme is None:
        added = want_bool(node.get("add_prefix_space"), where, default=True)
        scheme = "always" if added else "never"
    if scheme not in ("always", "first", "never"):
        raise FormatError(f"{where}: prepend_scheme {scheme!r}; expected always, first or never")
    if plan.cuts_scripts and not plan.mark:
        raise UnsupportedError(f"{where}: UnicodeScripts before it tells spaces from {mark!r}")
    if scheme == "never" and plan.spaceless and not plan.mark:
        # No space is left that could become a mark: a mark is one that stands in the text.
        if want_bool(node.get("split"), where, default=True):
            plan.splits.append(SplitRule(re.escape(mark), "merged_with_next"))
        return
    if plan.splits and scheme != "never":
        # Every word gets a space, so cutting at whitespace first only tidies the whitespace.
        if plan.splits != [_BY_SPACE] or scheme != "always":
            raise UnsupportedError(f"{where}: it puts a space before pieces of another cut")
        if not want_bool(node.get("split"), where, default=True):
            raise UnsupportedError(f"{where}: words by white space that keep the marks within them")
        plan.splits.clear()
        plan.words_by_space = True
    plan.mark = mark
    if scheme != "never":
        _put_space(plan, "first_stretch" if scheme == "first" else "stretch", normalizer)
    if want_bool(node.get("split"), where, default=True):
        plan.splits.append(SplitRule(" [^ ]*|[^ ]+"))


def _rules(kind: str, node: dict[str, object], where: str) -> list[SplitRule]:
    if kind == "Split":
        return [_split(node, where)]
    if kind == "Digits":
        alone = want_bool(node.get("individual_digits"), where, default=False)
        return [SplitRule(_DIGIT, "isolated" if alone else "contiguous", dialect="rust")]
    if kind == "Punctuation":
        behavior = _behavior(node.get("behavior", "Isolated"), where)
        return [SplitRule(_PUNCTUATION, behavior, dialect="rust")]
    if kind in _SPACELESS:
        return _SPACELESS[kind]
    if kind == "CharDelimiterSplit":
        delimiter = want_str(node.get("delimiter"), f"{where}.delimiter")
        if len(delimiter) != 1:
            raise FormatError(f"{where}: the delimiter {delimiter!r}; expected one character")
        return [SplitRule(re.escape(delimiter), "removed")]
    if kind == "UnicodeScripts":
        return [_by_script()]
    if kind == "FixedLength":
        length = want_int(node.get("length"), f"{where}.length")
        if not 0 < length <= MAX_REPEAT:
            raise UnsupportedError(f"{where}: length {length}; tokkit takes 1 to {MAX_REPEAT}")
        return [SplitRule(rf"[\s\S]{{1,{length}}}")]
    raise UnsupportedError(f"{where}: tokkit has no pretokenizer of this kind")


def _by_script() -> SplitRule:
    """Runs of one script; what goes with any of them joins the run before it, or is lost."""
    n_scripts = tokenizers_scripts()
    scripts = [rf"\p{{tokenizers=script{k}}}" for k in range(n_scripts)]
    joined = rf"\p{{tokenizers=script{n_scripts}}}"
    runs = (f"{script}[{script}{joined}]*" for script in [*scripts, r"\P{Any}"])
    return SplitRule("|".join(runs), "removed", invert=True, dialect="rust")


def _split(node: dict[str, object], where: str) -> SplitRule:
    pattern = want_object(node.get("pattern"), f"{where}.pattern")
    if "String" in pattern:
        source = re.escape(want_str(pattern["String"], f"{where}.pattern"))
    else:
        source = want_str(pattern.get("Regex"), f"{where}.pattern")
    if not source or len(source) > MAX_PATTERN_CHARS:
        raise FormatError(
            f"{where}: a pattern of {len(source):,} characters; "
            f"expected between 1 and {MAX_PATTERN_CHARS:,}"
        )
    invert = want_bool(node.get("invert"), where, default=False)
    return SplitRule(source, _behavior(node.get("behavior"), where), invert)


def _behavior(value: object, where: str) -> Behavior:
    behavior = _BEHAVIORS.get(value) if isinstance(value, str) else None
    if behavior is None:
        raise FormatError(f"{where}: behavior {value!r}; expected one of {', '.join(_BEHAVIORS)}")
    return behavior
