"""The indices of a batch say which bytes a unit has, and which units a place may see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch: Any = pytest.importorskip("torch")
from tests.models.words.test_cutting import options
from tests.text.words.hard_strings import byte_strings
from tokkit.models.words.cutting import UnitCutter, UnitOptions
from tokkit.models.words.packing import UnitBatch

batches = st.lists(byte_strings, min_size=1, max_size=4)


def packed(texts: list[bytes], chosen: UnitOptions, n_before: int) -> UnitBatch:
    cutter = UnitCutter(chosen)
    return UnitBatch.of(
        [cutter.extend(cutter.begin(), each)[0] for each in texts],
        np.array([len(each) for each in texts], np.int64),
        n_before=n_before,
        holds_closing_byte=chosen.holds_closing_byte,
    )


@settings(deadline=None, max_examples=30)
@given(batches, options, st.integers(0, 2))
def test_segments_hold_each_place_of_a_text_once(
    texts: list[bytes], chosen: UnitOptions, n_before: int
) -> None:
    units = packed(texts, chosen, n_before)
    longest = units.seen.shape[1]
    found = []
    for segments in (units.closed, units.open):
        for start, length in zip(segments.starts.tolist(), segments.lengths.tolist(), strict=True):
            found += range(start, start + length)
    expected = [
        row * longest + place
        for row, text in enumerate(texts)
        for place in range(n_before + len(text))
    ]
    assert sorted(found) == expected
    assert (units.closed.lengths > 0).all()


@settings(deadline=None, max_examples=30)
@given(batches, options, st.integers(0, 2))
def test_a_place_sees_what_was_closed_before_the_next_byte(
    texts: list[bytes], chosen: UnitOptions, n_before: int
) -> None:
    units = packed(texts, chosen, n_before)
    cutter = UnitCutter(chosen)
    for text, seen in zip(texts, units.seen.tolist(), strict=True):
        assert seen[:n_before] == [0] * n_before
        for place in range(len(text)):
            read = cutter.extend(cutter.begin(), text[: place + 1])[0]
            assert seen[n_before + place] == len(read.ends)


@settings(deadline=None, max_examples=30)
@given(batches, options)
def test_states_come_back_to_the_places_that_see_them(
    texts: list[bytes], chosen: UnitOptions
) -> None:
    units = packed(texts, chosen, 1)
    n = len(units.closed)
    numbers = units.in_rows(torch.arange(1.0, n + 1)[:, None])
    at = units.at_places(torch.full((len(texts), 1), -1.0), numbers)[..., 0].tolist()
    first = 0
    for row, count in enumerate(units.counts.tolist()):
        for place in range(1 + len(texts[row])):
            seen = int(units.seen[row, place])
            assert at[row][place] == (first + seen if seen else -1)
        first += count
    assert first == n
    assert int((numbers > 0).sum()) == n
