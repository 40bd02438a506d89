r"""Patterns mean what the reference engines mean by them, as tables and as automata."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from tests.text.pattern_strategies import PATTERNS, TEXTS
from tokkit.errors import UnsupportedError
from tokkit.text.pretokenizer import Pretokenizer
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


@pytest.mark.parametrize(
    "characters",
    [range(0, 0x110000, 53), pytest.param(range(0x110000), marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_whitespace_equals_tokenizers_on_characters(characters: range) -> None:
    cutter = pretokenizer(SplitRule(r"\w+|[^\w\s]+", "removed", invert=True, dialect="rust"))
    split = pre_tokenizers.Whitespace()
    scalars = [chr(c) for c in characters if not 0xD800 <= c <= 0xDFFF]
    for start in range(0, len(scalars), 4096):
        text = "".join(f"a{c}." for c in scalars[start : start + 4096])
        assert pieces(cutter, text) == [piece for piece, _ in split.pre_tokenize_str(text)]
