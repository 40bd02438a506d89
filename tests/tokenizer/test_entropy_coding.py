"""Ids come back from their bytes, which are as few as their frequencies allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.id_trees_reference import ideal_bits
from tokkit.errors import FormatError
from tokkit.tokenizer.entropy_coding import read_ids, write_ids


@given(st.integers(1, 70), st.integers(0, 2**32), st.floats(0.1, 8), st.integers(0, 300))
@settings(max_examples=20, deadline=None)
def test_decoding_inverts_encoding_at_the_ideal_length(
    size: int, seed: int, skew: float, n: int
) -> None:
    ids = (np.random.default_rng(seed).random(n) ** skew * size).astype(np.int64)
    data = write_ids(ids, [size])
    assert np.array_equal(read_ids(data, [size]), ids)
    header = 1 if n < 128 else 2
    # At most a byte to end with, and what the 32 bits of the interval lose.
    assert abs(8 * (len(data) - header) - ideal_bits(ids.tolist(), size)) < 9 + 0.002 * n


@pytest.mark.parametrize("sizes", [(3, 1, 1000), (2, 2), (1, 1)])
@pytest.mark.parametrize("n", [0, 1, 20_000])
def test_streams_come_back_at_every_depth(sizes: tuple[int, ...], n: int) -> None:
    random = np.random.default_rng(0)
    ids = np.stack([random.integers(0, size, n) for size in sizes], axis=1)
    for depth in range(1, len(sizes) + 1):
        data = write_ids(ids[:, :depth], sizes, prefix_axis="depth")
        assert np.array_equal(read_ids(data, sizes, prefix_axis="depth"), ids[:, :depth])


def test_many_ids_cost_little_more_than_their_entropy() -> None:
    ids = np.minimum(np.random.default_rng(0).geometric(0.3, 60_000), 255)
    shares = np.unique(ids, return_counts=True)[1] / len(ids)
    entropy = -(shares * np.log2(shares)).sum() * len(ids) / 8
    assert entropy < len(write_ids(ids, [256])) < 1.005 * entropy


def test_damaged_bytes_are_refused() -> None:
    ids = np.random.default_rng(0).integers(0, 50, 200)
    data = write_ids(ids, [50])
    for wrong in (b"", data[:-1], data + b"\0", data + b"x", b"\xff" * 9, b"\x80", data[:40]):
        with pytest.raises(FormatError, match="coded ids"):
            read_ids(wrong, [50])
    with pytest.raises(FormatError, match="coded ids"):
        read_ids(data, [51])
