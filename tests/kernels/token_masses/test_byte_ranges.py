"""Ranges of byte-sorted tokens against plain loops over the tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels.token_masses import byte_ranges

vocabularies = st.lists(
    st.lists(st.sampled_from([0, 97, 98, 255]), min_size=1, max_size=4).map(bytes),
    min_size=1,
    max_size=12,
).map(sorted)


def packed(tokens: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, tokens)]).astype(np.int64)
    return np.frombuffer(b"".join(tokens), dtype=np.uint8), offsets


@settings(deadline=None)  # the first call compiles
@given(tokens=vocabularies, data=st.data())
def test_narrowing_byte_by_byte_finds_the_tokens_that_start_so(
    tokens: list[bytes], data: st.DataObject
) -> None:
    prefix = data.draw(st.sampled_from(tokens)) + data.draw(st.binary(max_size=1))
    low, high = 0, len(tokens)
    for depth, byte in enumerate(prefix):
        while low < high and len(tokens[low]) == depth:
            low += 1
        low, high = byte_ranges.narrow(*packed(tokens), low, high, depth, byte)
        assert tokens[low:high] == [t for t in tokens if t.startswith(prefix[: depth + 1])]


@settings(deadline=None)  # the first call compiles
@given(tokens=vocabularies, depth=st.integers(0, 3), seed=st.integers(0, 99))
def test_byte_sums_add_up_multiples_by_the_byte_at_a_depth(
    tokens: list[bytes], depth: int, seed: int
) -> None:
    prefix = tokens[0][:depth]
    longer = [token for token in tokens if len(token) > depth and token.startswith(prefix)]
    values = np.random.default_rng(seed).random(len(longer))
    sums = np.zeros(257)
    data, offsets = packed([b"before", *longer])
    byte_ranges.byte_sums(data, offsets, 1, depth, values, 0.5, sums)
    expected = np.zeros(257)
    for token, value in zip(longer, values, strict=True):
        expected[token[depth]] += 0.5 * value
    np.testing.assert_allclose(sums, expected, rtol=1e-15, atol=0)


def test_ranges_are_summed_in_float64() -> None:
    values = np.random.default_rng(0).random(1000).astype(np.float32)
    for low, high in ((0, 1000), (17, 900), (5, 5)):
        expected = values[low:high].astype(np.float64).sum()
        assert byte_ranges.range_sum(values, low, high) == pytest.approx(expected, rel=1e-13)
