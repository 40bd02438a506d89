"""The baseline of merging says what it was given."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.dynamic.lzw import compress, expand


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 3), max_size=80),
    st.integers(2, 5),
    st.integers(0, 9),
    st.sampled_from([(), (3,)]),
)
def test_expanding_inverts_compressing(
    ids: list[int], max_ids: int, max_codes: int, apart: tuple[int, ...]
) -> None:
    compressed = compress(ids, 4, apart=apart, max_ids=max_ids, max_codes=max_codes)
    expanded = expand(compressed, 4, apart=apart, max_ids=max_ids, max_codes=max_codes)
    assert expanded == ids
    assert compressed.count(3) == ids.count(3) or not apart
    assert len(compressed) <= len(ids)


def test_a_run_becomes_codes_as_it_is_read() -> None:
    assert compress([1] * 6, 4) == [1, 4, 5]
    assert compress([0, 1, 0, 1], 4) == [0, 1, 4]
