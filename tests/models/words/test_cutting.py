"""Units of a text: the same in every cut of it, never revoked, as long as they have to be."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
from tests.text.words.hard_strings import HARD, KATAKANA, byte_strings
from tokkit.errors import ArgumentError
from tokkit.models.words.cutting import Cuts, UnitCutter, UnitOptions, UnitRule
from tokkit.text.words import beginning_rows, split_words

RULES: tuple[UnitRule, ...] = get_args(UnitRule)
options = st.builds(
    UnitOptions,
    rule=st.sampled_from(RULES),
    unit_bytes=st.integers(1, 6),
    max_bytes=st.one_of(st.none(), st.integers(1, 9)),
)
EVERYTHING = "".join(HARD).encode() + KATAKANA.encode()


def cut(data: bytes, chosen: UnitOptions) -> Cuts:
    cutter = UnitCutter(chosen)
    return cutter.extend(cutter.begin(), data)[0]


def units(text: str, **chosen: Any) -> list[str]:
    data = text.encode()
    ends = cut(data, UnitOptions(**chosen)).ends.tolist()
    return [data[start:end].decode() for start, end in pairwise([0, *ends, len(data)])]


@settings(deadline=None, max_examples=30)
@example(EVERYTHING, UnitOptions(unit_bytes=3), 1)
@given(byte_strings, options, st.integers(1, 5))
def test_every_cut_of_a_text_has_the_same_units(
    data: bytes, chosen: UnitOptions, step: int
) -> None:
    cutter = UnitCutter(chosen)
    state, ends, hashes = cutter.begin(), list[int](), list[int]()
    for start in range(0, len(data), step):
        cuts, state = cutter.extend(state, data[start : start + step])
        ends += (cuts.ends + start).tolist()
        hashes += cuts.hashes.tolist()
    whole = cut(data, chosen)
    assert (ends, hashes) == (whole.ends.tolist(), whole.hashes.tolist())


@settings(deadline=None, max_examples=30)
@given(byte_strings, byte_strings, options)
def test_what_comes_later_revokes_no_end(data: bytes, more: bytes, chosen: UnitOptions) -> None:
    before = cut(data, chosen).ends.tolist()
    assert cut(data + more, chosen).ends.tolist()[: len(before)] == before


@settings(deadline=None, max_examples=30)
@given(byte_strings, options)
def test_a_state_is_a_value(data: bytes, chosen: UnitOptions) -> None:
    cutter = UnitCutter(chosen)
    _, state = cutter.extend(cutter.begin(), data)
    kept = state.word.copy(), state.unit.copy()
    first, _ = cutter.extend(state, b"x y. z")
    again, _ = cutter.extend(state, b"x y. z")
    assert first.ends.tolist() == again.ends.tolist()
    assert (state.word == kept[0]).all()
    assert (state.unit == kept[1]).all()


@settings(deadline=None, max_examples=30)
@given(byte_strings, options)
def test_units_have_their_least_and_greatest_length(data: bytes, chosen: UnitOptions) -> None:
    lengths = np.diff(cut(data, chosen).ends, prepend=0)
    assert (lengths >= chosen.unit_bytes).all()
    if chosen.max_bytes is not None:
        assert (lengths < chosen.unit_bytes + chosen.max_bytes).all()


@settings(deadline=None, max_examples=30)
@given(byte_strings, st.sampled_from(["uax29", "whitespace"]), st.integers(1, 9))
def test_units_of_one_byte_are_the_words(data: bytes, rule: Any, limit: int) -> None:
    words = split_words(data, rule=rule, max_bytes=limit)[:-1].tolist()
    assert cut(data, UnitOptions(rule=rule, max_bytes=limit)).ends.tolist() == words


@settings(deadline=None, max_examples=30)
@given(byte_strings, options)
def test_units_end_where_words_do_at_the_first_that_is_far_enough(
    data: bytes, chosen: UnitOptions
) -> None:
    one = UnitOptions(rule=chosen.rule, max_bytes=chosen.max_bytes)
    expected, last = list[int](), 0
    for end in cut(data, one).ends.tolist():
        if end - last >= chosen.unit_bytes:
            expected.append(end)
            last = end
    assert cut(data, chosen).ends.tolist() == expected


@settings(deadline=None, max_examples=30)
@given(byte_strings, options)
def test_equal_units_have_equal_hashes_and_others_do_not(data: bytes, chosen: UnitOptions) -> None:
    cuts = cut(data, chosen)
    spellings = [data[start:end] for start, end in pairwise([0, *cuts.ends.tolist()])]
    assert (cuts.hashes >= 0).all()
    assert len(set(spellings)) == len(set(zip(spellings, cuts.hashes.tolist(), strict=True)))
    assert len(set(spellings)) == len(set(cuts.hashes.tolist()))


def test_bytes_that_close_a_unit_are_its_last() -> None:
    text = "I can't pay 3.14,  myFriend über П."
    expected = ["I ", "can'", "t ", "pay ", "3.", "14,", " ", " ", "myFriend ", "über ", "П.", ""]
    assert units(text, rule="separator") == expected
    data = text.encode()
    ends = cut(data, UnitOptions(rule="spacelike")).ends.tolist()
    spacelike = [
        not (each < 128 and chr(each).isalnum()) and not 0x80 <= each < 0xC0 for each in data
    ]
    assert ends == [
        i + 1 for i in range(len(data)) if spacelike[i] and not (i and spacelike[i - 1])
    ]


def test_a_word_of_a_megabyte_is_one_unit_without_a_limit() -> None:
    data = b"a" * (1 << 20) + b" b"
    assert cut(data, UnitOptions(max_bytes=None)).ends.tolist() == [1 << 20]
    assert len(cut(data, UnitOptions(max_bytes=64)).ends) == 1 << 14
    assert cut(data, UnitOptions(rule="separator", max_bytes=None)).ends.tolist() == [(1 << 20) + 1]


@pytest.mark.parametrize(
    "wrong", [{"rule": "spaces"}, {"rule": None}, {"unit_bytes": 0}, {"max_bytes": 0}]
)
def test_units_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        UnitOptions(**wrong)


@settings(deadline=None, max_examples=15)
@given(byte_strings, byte_strings, st.sampled_from(["uax29", "whitespace"]), st.integers(1, 5))
def test_places_say_which_bytes_would_close_the_unit(
    before: bytes, data: bytes, rule: Any, least: int
) -> None:
    cutter = UnitCutter(UnitOptions(rule, least, 6))
    _, state = cutter.extend(cutter.begin(), before[:5])
    cuts, rows, later = cutter.extend_with_places(state, data[:6])
    expected, state_after = cutter.extend(state, data[:6])
    assert cuts.ends.tolist() == expected.ends.tolist()
    assert np.array_equal(later.word, state_after.word)
    assert np.array_equal(later.unit, state_after.unit)
    for byte, row in zip(data, rows, strict=False):
        _, state = cutter.extend(state, bytes([byte]))
        closing = [len(cutter.extend(state, bytes([other]))[0].ends) > 0 for other in range(256)]
        assert beginning_rows(rule)[row].tolist() == closing
