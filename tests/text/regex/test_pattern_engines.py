r"""Patterns mean what the reference engines mean by them, as tables and as automata."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tiktoken
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from tests.text.pattern_strategies import PATTERNS, TEXT, TEXTS
from tokkit.errors import UnsupportedError
from tokkit.text.pretokenizer import Pretokenizer
from tokkit.text.regex.boundaries import DEAD
from tokkit.text.regex.nodes import nullable
from tokkit.text.regex.reader import CharReader, Flags
from tokkit.text.regex.syntax import parse
from tokkit.text.spec import Behavior, SplitRule, TokenizerSpec, TokenKind

BEHAVIORS: list[Behavior] = [
    "isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous",
]  # fmt: skip
KINDS = np.full(256, TokenKind.NORMAL, dtype=np.uint8)


def pretokenizer(rule: SplitRule) -> Pretokenizer:
    tokens = tuple(bytes([b]) for b in range(256))
    return Pretokenizer(TokenizerSpec("test", "bpe", tokens, KINDS, splits=(rule,)))


def pieces(cutter: Pretokenizer, text: str) -> list[str]:
    found = cutter.split(np.frombuffer(text.encode(), dtype=np.uint8))
    data, bounds = found.text.tobytes(), found.bounds.tolist()
    return [data[a:b].decode() for a, b in itertools.pairwise(bounds) if a < b]


def oniguruma_pieces(rule: SplitRule, text: str) -> list[str] | None:
    try:
        pattern = Regex(rule.pattern)
    except Exception:
        return None
    split = pre_tokenizers.Split(pattern, rule.behavior, rule.invert)
    return [piece for piece, _ in split.pre_tokenize_str(text)]


def check_oniguruma(pattern: str, text: str, behavior: Behavior, invert: bool) -> None:
    rule = SplitRule(pattern, behavior, invert)
    expected = oniguruma_pieces(rule, text)
    assume(expected is not None)
    try:
        cutter = pretokenizer(rule)
    except UnsupportedError:
        assume(False)
    assert pieces(cutter, text) == expected


RULES = given(PATTERNS, TEXTS, st.sampled_from(BEHAVIORS), st.booleans())


@settings(max_examples=60, deadline=None)
@RULES
def test_pieces_equal_oniguruma(pattern, text, behavior, invert) -> None:
    check_oniguruma(pattern, text, behavior, invert)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@RULES
def test_pieces_of_many_patterns_equal_oniguruma(pattern, text, behavior, invert) -> None:
    check_oniguruma(pattern, text, behavior, invert)


ITEMS = st.sampled_from(
    [
        r"a",
        r"f-g",
        r"a-é",
        r"\x{80}-\x{10ffff}",
        r"é",
        r"²",
        r"\h",
        r"\H",
        r"\w",
        r"\W",
        r"\d",
        r"\P{Lu}",
        r"\s",
        r"[:alpha:]",
        r"\p{L}",
    ]
)
CLASSES = st.recursive(
    st.lists(ITEMS, min_size=1, max_size=2).map("".join),
    lambda inner: st.builds(
        lambda parts, operator: operator.join(parts),
        st.lists(
            st.builds(lambda no, each: f"[{no}{each}]", st.sampled_from(["", "^"]), inner) | ITEMS,
            min_size=1,
            max_size=3,
        ),
        st.sampled_from(["", "&&"]),
    ),
    max_leaves=5,
)
OF_CLASSES = given(CLASSES, st.sampled_from(["", "^"]), st.sampled_from(["", "(?i)"]))
MEMBERS = "_afgGé²\x80ÿ߿ࠀ鯨\ue000😀"


def check_class(inside: str, negated: str, option: str) -> None:
    found = pre_tokenizers.Split(Regex(f"^(?:{option}[{negated}{inside}])$"), "removed")
    reader = CharReader(f"{negated}{inside}]", "oniguruma")
    try:
        ranges = reader.bracket(Flags(ignore_case=bool(option))).ranges
    except UnsupportedError:
        assume(False)
        raise
    members = [c for c in MEMBERS if any(low <= ord(c) <= high for low, high in ranges)]
    assert members == [c for c in MEMBERS if not found.pre_tokenize_str(c)]


@settings(max_examples=40, deadline=None)
@OF_CLASSES
def test_set_operations_equal_oniguruma(inside, negated, option) -> None:
    check_class(inside, negated, option)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@OF_CLASSES
def test_many_set_operations_equal_oniguruma(inside, negated, option) -> None:
    check_class(inside, negated, option)


def test_a_negated_class_that_oniguruma_misreads_is_refused() -> None:
    rule = SplitRule(r"[^[^a]&&[^\H]]", "removed", False)
    assert oniguruma_pieces(rule, "²") == ["²"]  # which is no hexadecimal digit
    with pytest.raises(UnsupportedError, match="nested"):
        pretokenizer(rule)
    for negated, inside in (("^", r"[^a]&&é"), ("", r"[^a]&&[^\H]"), ("^", "a-z&&[^aeiou]é")):
        check_class(inside, negated, "")


PAIRS = [a + b for a, b in itertools.product(sorted(TEXT), repeat=2)]
RANKS = {
    **{bytes([b]): b for b in range(256)},
    **{pair.encode(): 256 + k for k, pair in enumerate(PAIRS) if pair.isascii()},
}


def tiktoken_ids(pattern: str, text: str) -> list[int] | None:
    """Tiktoken drops what the pattern does not match; pairs of characters show most cuts."""
    try:
        encoding = tiktoken.Encoding(
            "test", pat_str=pattern, mergeable_ranks=RANKS, special_tokens={}
        )
    except ValueError:
        return None
    return encoding.encode_ordinary(text)


def check_fancy_regex(pattern: str, text: str) -> None:
    try:
        cutter = pretokenizer(SplitRule(pattern, "removed", invert=True, dialect="rust"))
    except UnsupportedError:
        assume(False)
    assume(not nullable(parse(pattern, "rust")))  # tiktoken panics at empty matches
    expected = tiktoken_ids(pattern, text)
    assume(expected is not None)
    whole = [tiktoken_ids("(?s:.+)", piece) for piece in pieces(cutter, text)]
    assert [token for ids in whole for token in ids or ()] == expected


@settings(max_examples=60, deadline=None)
@given(PATTERNS, TEXTS)
def test_pieces_equal_fancy_regex(pattern: str, text: str) -> None:
    check_fancy_regex(pattern, text)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(PATTERNS, TEXTS)
def test_pieces_of_many_patterns_equal_fancy_regex(pattern: str, text: str) -> None:
    check_fancy_regex(pattern, text)


FOLDING = st.sampled_from(
    [
        *("s", "S", "ß", "t", "f", "i", "st", "ss", "fi", "ſ", "[ßa]", "[st]", "(?:s)", "(?:t|s)"),
        *("ß+", "s?", "ﬁ", "K", r"\x73", r"\p{Ll}", r"[\p{L}]", "[^ß]", "(?i:s)", "(?-i:s)"),
    ]
)
FOLDED = given(
    st.lists(FOLDING, min_size=1, max_size=4).map("".join),
    st.text(st.sampled_from("sStßẞﬆﬅﬁﬀfik ſ"), max_size=8),
)


def check_folding(pattern: str, text: str) -> None:
    rule = SplitRule(f"(?i:{pattern})", "removed", invert=True)
    assert pieces(pretokenizer(rule), text) == oniguruma_pieces(rule, text)


@settings(max_examples=40, deadline=None)
@FOLDED
def test_case_folds_of_several_characters_equal_oniguruma(pattern: str, text: str) -> None:
    check_folding(pattern, text)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@FOLDED
def test_case_folds_of_many_patterns_equal_oniguruma(pattern: str, text: str) -> None:
    check_folding(pattern, text)


KEEPING = st.sampled_from([behavior for behavior in BEHAVIORS if behavior != "removed"])
SHORT = st.lists(
    st.sampled_from([b"a", b"b", b"A", b" ", b"\n", b"1", b"\xc3", b"\xa9"]), max_size=4
).map(b"".join)


def labels_of(cutter: Pretokenizer, data: bytes) -> tuple[int, ...]:
    bounds = cutter.split(np.frombuffer(data, dtype=np.uint8)).bounds.tolist()
    return tuple(int(k in bounds) for k in range(len(data)))


def walk(cutter: Pretokenizer, data: bytes, labels: tuple[int, ...]) -> int:
    state = 0
    for byte, label in zip(data, labels, strict=True):
        state = cutter.boundaries.step(state, byte, label)
    return state


def check_automaton(pattern: str, data: bytes, behavior: Behavior, invert: bool) -> None:
    """The labels that the automaton accepts are those of `split`, and it is dead or alive rightly.

    That a live state has a way on to an end is searched for by the automaton's own steps; that the
    way is one of `split`, by the labels that are accepted.
    """
    try:
        cutter = pretokenizer(SplitRule(pattern, behavior, invert))
    except UnsupportedError:
        assume(False)
    automaton = cutter.boundaries
    states = {labels: walk(cutter, data, labels) for labels in _all_labels(len(data))}
    accepted = [labels for labels, state in states.items() if state != DEAD]
    accepted = [labels for labels in accepted if automaton.can_end(states[labels])]
    assert accepted == [labels_of(cutter, data)]
    for size in (1, 2):
        for rest in itertools.product((b"a", b"b", b" ", b"\n", b"1"), repeat=size):
            whole = labels_of(cutter, data + b"".join(rest))
            assert states[whole[: len(data)]] != DEAD


def _all_labels(size: int) -> list[tuple[int, ...]]:
    return list(itertools.product((0, 1), repeat=size))


AUTOMATA = given(PATTERNS, SHORT, KEEPING, st.booleans())


@settings(max_examples=25, deadline=None)
@AUTOMATA
def test_automaton_accepts_just_the_labels_of_split(pattern, data, behavior, invert) -> None:
    check_automaton(pattern, data, behavior, invert)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@AUTOMATA
def test_automata_of_many_patterns_accept_just_the_labels(pattern, data, behavior, invert) -> None:
    check_automaton(pattern, data, behavior, invert)
