"""Words: what they are, and that they are the same in a text and in a stream of bytes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.reference import words_reference
from tests.text.words.hard_strings import HARD, KATAKANA, NO_TEXT, byte_strings
from tokkit.errors import ArgumentError
from tokkit.text.words import Rule, WordSplitter, split_words

RULES: tuple[Rule, ...] = ("uax29", "whitespace")
rules = st.sampled_from(RULES)
limits = st.one_of(st.none(), st.integers(1, 9))


def words(text: str, **options: Any) -> list[str]:
    data = text.encode()
    ends = split_words(data, **options).tolist()
    spans = pairwise([0, *ends])
    return [data[start:end].decode(errors="backslashreplace") for start, end in spans]


@settings(deadline=None, max_examples=60)
@given(byte_strings, st.sampled_from([1, 2, 3, 4, 5, 9]))
def test_the_kernel_equals_the_definition(data: bytes, limit: int) -> None:
    expected = words_reference.split(data)
    assert split_words(data).tolist() == expected
    assert split_words(data, max_bytes=limit).tolist() == words_reference.cut(data, expected, limit)


@pytest.mark.parametrize("text", HARD)
def test_the_kernel_equals_the_definition_on_hard_strings(text: str) -> None:
    assert split_words(text).tolist() == words_reference.split(text.encode())


@pytest.mark.slow
@settings(deadline=None, max_examples=500)
@given(byte_strings, st.integers(1, 9))
def test_the_kernel_equals_the_definition_on_many_strings(data: bytes, limit: int) -> None:
    expected = words_reference.split(data)
    assert split_words(data).tolist() == expected
    assert split_words(data, max_bytes=limit).tolist() == words_reference.cut(data, expected, limit)


@settings(deadline=None)
@example("".join(HARD).encode(), "uax29", None)
@given(byte_strings, rules, limits)
def test_a_stream_of_bytes_has_the_ends_of_the_whole(
    data: bytes, rule: Rule, limit: int | None
) -> None:
    splitter = WordSplitter(rule, limit)
    ends = [at for at, byte in enumerate(data) if splitter.push(byte)]
    if data:
        ends.append(len(data))
    assert ends == split_words(data, rule=rule, max_bytes=limit).tolist()
    assert splitter.n_bytes == len(data)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "text", [*map(str.encode, HARD), *NO_TEXT, "".join(HARD).encode(), KATAKANA.encode()]
)
def test_hard_strings_split_alike_in_a_stream(text: bytes, rule: Rule) -> None:
    splitter = WordSplitter(rule, None)
    ends = [at for at, byte in enumerate(text) if splitter.push(byte)]
    assert [*ends, len(text)] == split_words(text, rule=rule).tolist()


@settings(deadline=None)
@given(byte_strings, byte_strings, rules, limits)
def test_no_boundary_is_revoked(data: bytes, more: bytes, rule: Rule, limit: int | None) -> None:
    given_out = split_words(data, rule=rule, max_bytes=limit)[:-1].tolist()
    longer = split_words(data + more, rule=rule, max_bytes=limit).tolist()
    assert longer[: len(given_out)] == given_out


@settings(deadline=None)
@given(byte_strings, byte_strings, rules, limits)
def test_extend_and_copy_go_on_where_push_stopped(
    data: bytes, more: bytes, rule: Rule, limit: int | None
) -> None:
    splitter = WordSplitter(rule, limit)
    before = splitter.extend(data).tolist()
    other = splitter.copy()
    after = splitter.extend(more).tolist()
    whole = split_words(data + more, rule=rule, max_bytes=limit).tolist()
    assert before + after == whole[: len(whole) - 1]
    assert [len(data) + i for i, byte in enumerate(more) if other.push(byte)] == after


@settings(deadline=None)
@given(byte_strings, rules, limits)
def test_words_are_the_text_and_fit(data: bytes, rule: Rule, limit: int | None) -> None:
    ends = split_words(data, rule=rule, max_bytes=limit)
    assert ends.dtype == np.int64
    lengths = np.diff(ends, prepend=0)
    assert int(lengths.sum()) == len(data)
    assert (lengths > 0).all()
    assert limit is None or (lengths <= limit).all()


@settings(deadline=None)
@given(st.text(max_size=12), st.integers(4, 9))
def test_no_character_that_fits_is_cut(text: str, limit: int) -> None:
    assert all("\\" not in word for word in words(text.replace("\\", "/"), max_bytes=limit))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, world!", ["Hello,", " world!"]),
        ("I can't pay 3.14.", ["I", " can't", " pay", " 3.14."]),
        ("howAreYou how_are_you", ["how", "Are", "You", " how_", "are_", "you"]),
        ("def __init__(self):\n", ["def", " __", "init__(", "self):", "\n"]),
        ("os.path: a:b x-y", ["os.", "path:", " a:", "b", " x-", "y"]),
        ("1⁄2 1⁄x", ["1⁄2", " 1⁄", "x"]),
        (KATAKANA, [KATAKANA]),
        ("a  b\t\tc\r\n\nd", ["a", "  ", "b", "\t", "\t", "c", "\r\n", "\n", "d"]),
        ("👨‍👩‍👧‍👦 👍🏽", ["👨‍👩‍👧‍👦", " 👍🏽"]),
        ("你好，吗", ["你", "好，", "吗"]),
        ("语を食べる。そして", ["语を", "食べる。", "そして"]),
        ("צה\"ל ג'ורג'", ['צה"ל', " ג'ורג'"]),
        ("l’été “oui.”", ["l’été", " “", "oui.”"]),
        ("ខ្មែរ\u200bភាសា", ["ខ្មែរ\u200b", "ភាសា"]),
        ("(привет) «да»", ["(", "привет)", " «", "да»"]),
        ("mot\xa0: a\xa0b", ["mot\xa0", ":", " a\xa0", "b"]),
    ],
)
def test_words_of_uax29(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_words_between_white_space() -> None:
    assert words("  Hello, wörld!\n\nx\xa0y\t", rule="whitespace") == [
        *("  Hello,", " wörld!", "\n\nx\xa0y", "\t"),
    ]


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("verylongword", 10, ["verylongwo", "rd"]),
        ("für", 2, ["f", "ü", "r"]),
        ("ab c", 1, ["a", "b", " ", "c"]),
        ("𝟘1", 3, ["\\xf0\\x9d\\x9f", "\\x981"]),
        ("ü", 1, ["\\xc3", "\\xbc"]),
    ],
)
def test_longer_words_are_cut_at_the_last_border(
    text: str, limit: int, expected: list[str]
) -> None:
    assert words(text, max_bytes=limit) == expected


def test_bytes_that_are_no_text_are_words_of_their_own() -> None:
    assert split_words(b"ab\xff\xfe\xe2\x80cd").tolist() == [2, 6, 8]


def test_one_word_of_a_megabyte() -> None:
    data = b"a" * 1_000_000
    assert split_words(data).tolist() == [len(data)]
    ends = split_words(data, max_bytes=64)
    assert len(ends) == 15_625
    assert (np.diff(ends) == 64).all()


@pytest.mark.parametrize("rule", RULES)
def test_long_texts_split_as_their_parts_do(rule: Rule) -> None:
    ends = split_words(b" word" * 300_000, rule=rule)
    assert np.array_equal(ends, np.arange(5, 1_500_001, 5))


@pytest.mark.parametrize("rule", RULES)
def test_nothing_has_no_words(rule: Rule) -> None:
    assert split_words(b"", rule=rule).tolist() == []
    assert split_words(b" ", rule=rule).tolist() == [1]


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "9"])
def test_a_limit_below_one_is_refused(limit: Any) -> None:
    with pytest.raises(ArgumentError, match="max_bytes must be a whole number of at least 1"):
        split_words(b"a", max_bytes=limit)
    with pytest.raises(ArgumentError, match="max_bytes"):
        WordSplitter("uax29", limit)


@pytest.mark.parametrize("rule", ["uax", None, ["uax29"], 29])
def test_another_rule_is_refused(rule: Any) -> None:
    with pytest.raises(ArgumentError, match="rule must be one of"):
        split_words(b"a", rule=rule)


@pytest.mark.parametrize("byte", [-1, 256, "a", b"a", None, 1.0])
def test_what_is_no_byte_is_refused(byte: Any) -> None:
    splitter = WordSplitter()
    with pytest.raises(ArgumentError, match="byte must be a whole number from 0 to 255"):
        splitter.push(byte)
    assert splitter.n_bytes == 0


@pytest.mark.parametrize("data", [None, 5, ["a"], object(), "\ud800"])
def test_what_is_no_text_is_refused(data: Any) -> None:
    with pytest.raises(ArgumentError):
        split_words(data)
