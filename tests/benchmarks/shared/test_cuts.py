"""Cuts and gaps: parts of one text, in order, with something to complete."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.shared.cuts import common_prefix, line_cuts, line_gaps

FEW = settings(max_examples=40, deadline=None, derandomize=True)
lines = st.text(alphabet="ab é(", max_size=12)
files = st.lists(lines, min_size=3, max_size=12).map(lambda found: "\n".join(found).encode())
texts = st.lists(files, min_size=1, max_size=3)


@FEW
@given(texts=texts, context=st.integers(1, 30), longest=st.integers(1, 12))
def test_a_cut_lies_inside_a_line_of_a_text(texts: list[bytes], context: int, longest: int) -> None:
    for cut in line_cuts(texts, n=5, context_bytes=context, max_rest=longest):
        whole = cut.prompt + cut.wanted + cut.following
        assert any(whole in text for text in texts)
        assert len(cut.prompt) <= context
        assert len(cut.rest) <= longest
        assert cut.rest.strip()
        assert b"\n" not in cut.rest
        assert cut.prompt == b"" or cut.prompt[0] & 0xC0 != 0x80


@FEW
@given(texts=texts)
def test_cuts_are_in_different_lines_and_repeatable(texts: list[bytes]) -> None:
    joined = b"\n".join(b"%d %b" % (k, line) for k, line in enumerate(b"\n".join(texts).split()))
    cuts = line_cuts([joined + b"\n"], n=5, context_bytes=1000, max_rest=50)
    starts = [cut.prompt.count(b"\n") for cut in cuts]
    assert len(set(starts)) == len(starts)
    assert cuts == line_cuts([joined + b"\n"], n=5, context_bytes=1000, max_rest=50)


def test_a_word_ends_with_the_white_space_after_it() -> None:
    text = b"the quick brown fox\njumps\n"
    for cut in line_cuts([text], n=2, context_bytes=100, max_rest=100):
        word = cut.wanted[: cut.word_size]
        assert re.fullmatch(rb"\s*\S+\s", word)


@FEW
@given(texts=texts)
def test_the_parts_of_a_gap_are_neighbours(texts: list[bytes]) -> None:
    for gap in line_gaps(texts, n=6, prefix_bytes=20, max_middle=12):
        assert any(gap.prefix + gap.middle + gap.suffix in text for text in texts)
        assert gap.middle
        assert b"\n" not in gap.middle
        assert (gap.kind == "to the end of the line") == gap.suffix.startswith(b"\n")


@FEW
@given(start=st.binary(max_size=4), one=st.binary(max_size=4), two=st.binary(max_size=4))
def test_the_common_prefix_is_the_longest(start: bytes, one: bytes, two: bytes) -> None:
    a, b = start + one, start + two
    size = common_prefix(a, b)
    assert size >= len(start)
    assert a[:size] == b[:size]
    assert size in (len(a), len(b)) or a[size] != b[size]
