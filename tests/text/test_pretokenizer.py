"""Splits equal those of the `regex` package; the automaton accepts exactly what `split` does."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import regex
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS
from tests.text.pattern_strategies import PATTERNS, TEXTS
from tokkit.errors import ArgumentError, UnsupportedError
from tokkit.text.pretokenizer import Pretokenizer
from tokkit.text.regex.boundaries import DEAD
from tokkit.text.spec import Behavior, SplitRule, TokenizerSpec, TokenKind

CHARACTERS = "aSé日ǅʰ1٣ \n\r\t\u00a0\u2028'sreLl.,!/_^\u0301😀\u200d\x00"
# Not those that only a newer version of Unicode than the engines' knows.
ASSIGNED = st.characters(exclude_categories=["Cn", "Cs"])
FEW = settings(max_examples=150, deadline=None)


def pretokenizer(splits: tuple[SplitRule, ...], literals: tuple[bytes, ...] = ()) -> Pretokenizer:
    tokens = (*(bytes([b]) for b in range(256)), *literals)
    kinds = np.array([0] * 256 + [TokenKind.LITERAL] * len(literals), dtype=np.uint8)
    return Pretokenizer(TokenizerSpec("test", "bpe", tokens, kinds, splits=splits))


PRETOKENIZER = {name: pretokenizer(splits) for name, splits in PRETOKENIZERS.items()}


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        (np.array([97, 1 << 40, -5]), None),
        (np.array([97, 300], np.uint16), None),
        (np.array([0.5]), None),
        (np.zeros((2, 2), np.uint8), None),
        (np.zeros(4, np.uint8), np.array([0, 1 << 40])),
        (np.zeros(4, np.uint8), np.array([0, -5, 4])),
        (np.zeros(4, np.uint8), np.array([3, 1])),
        (np.zeros(4, np.uint8), np.array([0.0, 4.0])),
    ],
)
def test_arrays_that_would_send_kernels_elsewhere_are_refused(text: Any, bounds: Any) -> None:
    for each in PRETOKENIZER.values():
        with pytest.raises(ArgumentError):
            each.split(text, bounds=bounds)


def split(name: str, data: bytes) -> list[bytes]:
    pieces = PRETOKENIZER[name].split(np.frombuffer(data, dtype=np.uint8))
    bounds = pieces.bounds.tolist()
    text = pieces.text.tobytes()
    return [text[a:b] for a, b in itertools.pairwise(bounds) if a < b]


@pytest.mark.parametrize("name", PRETOKENIZERS)
@FEW
@given(text=st.text(st.sampled_from(CHARACTERS), max_size=12) | st.text(ASSIGNED, max_size=8))
def test_pieces_equal_the_regex_package(name: str, text: str) -> None:
    pieces = [text] if text else []
    for rule in PRETOKENIZERS[name]:
        cut: list[str] = []
        for piece in pieces:
            end = 0
            for match in regex.finditer(rule.pattern, piece):
                cut += [piece[end : match.start()], match[0]]
                end = match.end()
            cut.append(piece[end:])
        pieces = [piece for piece in cut if piece]
    assert split(name, text.encode()) == [piece.encode() for piece in pieces]


@pytest.mark.parametrize("name", PRETOKENIZERS)
@FEW
@given(data=st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=5).map(b"".join))
def test_the_automaton_accepts_just_the_labels_of_split(name: str, data: bytes) -> None:
    ends = np.cumsum([len(piece) for piece in split(name, data)]).tolist()
    expected = tuple(int(k == 0 or k in ends) for k in range(len(data)))
    automaton = PRETOKENIZER[name].boundaries
    accepted = []
    for labels in itertools.product((0, 1), repeat=len(data)):
        state = 0
        for byte, label in zip(data, labels, strict=True):
            state = automaton.step(state, byte, label)
        if state != DEAD and automaton.can_end(state):
            accepted.append(labels)
    assert accepted == [expected]


@pytest.mark.parametrize("name", PRETOKENIZERS)
@FEW
@given(data=st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=4).map(b"".join))
def test_live_labels_are_those_that_some_continuation_confirms(name: str, data: bytes) -> None:
    confirmed = set()
    for size in range(4):
        for rest in itertools.product(
            (b"a", b" ", b"\n", b"s", b"\xa9", b"\x97", b"1"), repeat=size
        ):
            whole = data + b"".join(rest)
            ends = np.cumsum([len(piece) for piece in split(name, whole)]).tolist()
            confirmed.add(tuple(int(k == 0 or k in ends) for k in range(len(data))))
    automaton = PRETOKENIZER[name].boundaries
    live = set()
    for labels in itertools.product((0, 1), repeat=len(data)):
        state = 0
        for byte, label in zip(data, labels, strict=True):
            state = automaton.step(state, byte, label)
        if state != DEAD:
            live.add(labels)
    assert live == confirmed


@pytest.mark.parametrize(
    ("behavior", "invert", "expected"),
    [
        ("isolated", False, [b"a", b"1", b"2", b"b", b"3"]),
        ("removed", False, [b"a", b"b"]),
        ("removed", True, [b"1", b"2", b"3"]),
        ("merged_with_previous", False, [b"a1", b"2", b"b3"]),
        ("merged_with_next", False, [b"a", b"1", b"2b", b"3"]),
        ("contiguous", False, [b"a", b"12", b"b", b"3"]),
    ],
)
def test_behaviors(behavior, invert: bool, expected: list[bytes]) -> None:
    cutter = pretokenizer((SplitRule(r"\d", behavior=behavior, invert=invert),))
    pieces = cutter.split(np.frombuffer(b"a12b3", dtype=np.uint8))
    text, bounds = pieces.text.tobytes(), pieces.bounds.tolist()
    assert [text[a:b] for a, b in itertools.pairwise(bounds)] == expected


@pytest.mark.parametrize("behavior", ["isolated", "removed", "merged_with_next", "contiguous"])
@pytest.mark.parametrize("invert", [False, True])
def test_a_rule_without_a_match_leaves_or_removes_everything(behavior, invert: bool) -> None:
    rule = SplitRule(r"[^\s\S]", behavior=behavior, invert=invert)
    pieces = pretokenizer((rule,)).split(np.frombuffer(b"a b", dtype=np.uint8))
    assert pieces.text.tobytes() == (b"" if invert and behavior == "removed" else b"a b")
    assert pieces.bounds.tolist() == [0, len(pieces.text)][: 1 + (len(pieces.text) > 0)]


@pytest.mark.parametrize("behavior", ["removed", "merged_with_previous", "contiguous"])
def test_a_stage_may_find_nothing_left(behavior) -> None:
    cutter = pretokenizer((SplitRule(" +", behavior="removed"), SplitRule("a", behavior=behavior)))
    pieces = cutter.split(np.frombuffer(b"  ", dtype=np.uint8))
    assert pieces.text.tobytes() == b"" and pieces.bounds.tolist() == [0]


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        (r"(a)\1", "reference to a group"), (r"(?<n>a)\k<n>", "escape"), (r"\X", "escape"),
        (r"(?~ab)", "group"), (r"(?(1)a)", "group"), (r"(?x)a", "option"), (r"a\Kb", "escape"),
        (r"(a", "never closed"), (r"a)", "unbalanced"), (r"[a", "unfinished"),
        (r"[[:vowel:]]", "vowel"), (r"\p{Foo}", "Foo"), (r"a{5,2}", "repeat"),
        ("(" * 200 + "a" + ")" * 200, "nested"), ("[" * 200 + "a" + "]" * 200, "nested"),
        (r"(?:a{900}){900}", "too large"), (r"(?:(?>a|b?))*", "atomic group"),
        ("(?:" + "a?" * 40 + ")*", "40 parts"),
        ("".join(f"(?=b{{{n}}}c)" for n in range(1, 20)) + "b", "facts"),
        ("a(?=.*" + "." * 15 + "b)", "states"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_by_name(pattern: str, named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        pretokenizer((SplitRule(pattern),))


def cut(cutter: Pretokenizer, text: str) -> list[object]:
    found = cutter.split(np.frombuffer(text.encode(), dtype=np.uint8))
    return [found.text.tobytes(), *found.bounds.tolist()]


@settings(max_examples=60, deadline=None)
@given(PATTERNS, TEXTS, st.sampled_from(["isolated", "removed"]), st.booleans())
@example("a+b|b?1", "aab1b1", "isolated", False)
def test_a_rule_that_is_left_out_as_a_repetition_cuts_nothing(
    pattern: str, text: str, behavior: Behavior, invert: bool
) -> None:
    rule = SplitRule(pattern, behavior, invert)
    try:
        twice = pretokenizer((rule, rule))
    except UnsupportedError:
        assume(False)
    assume(twice._cuts_again(1))
    assert cut(twice, text) == cut(pretokenizer((rule,)), text)


@pytest.mark.parametrize("pattern", [r"a(?=b)", r"\ba", "a?", "a++b", r"a$", "(?<=a)b"])
def test_a_rule_that_looks_beyond_its_match_is_not_left_out(pattern: str) -> None:
    assert not pretokenizer((SplitRule(pattern), SplitRule(pattern)))._cuts_again(1)
    assert not pretokenizer((SplitRule("a"), SplitRule("b"), SplitRule("a")))._cuts_again(2)


def walk(cutter: Pretokenizer, text: bytes) -> int:
    state = 0
    for byte in text:
        state = cutter.boundaries.step(state, byte, 1)
    return state


def test_many_rules_are_read_or_refused_but_cut_all_the_same() -> None:
    rule = SplitRule(r"\p{L}+\d")
    once, often = pretokenizer((rule,)), pretokenizer((rule,) * 40)
    for text in ("a", "ab1", "1a ", "ab12c"):
        assert (walk(once, text.encode()) == DEAD) == (walk(often, text.encode()) == DEAD)
        assert cut(often, text) == cut(once, text)
    others = pretokenizer(tuple(SplitRule(rf"\p{{L}}+\d{{{n}}}") for n in range(1, 14)))
    assert cut(others, "ab12c") == [b"ab12c", 0, 3, 5]
    with pytest.raises(UnsupportedError, match="13 rules .* texts are encoded all the same"):
        walk(others, b"ab12c")
