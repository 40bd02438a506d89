"""Laws of the pair table, against a dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels.bpe import pair_table

TOKENS = st.integers(0, 5) | st.integers(0, 2**24 - 1)
MERGES = st.dictionaries(
    st.tuples(TOKENS, TOKENS), st.tuples(st.integers(0, 2**31 - 1), TOKENS), max_size=60
)


@settings(deadline=None)
@given(MERGES, st.lists(st.tuples(TOKENS, TOKENS)))
def test_find_equals_dictionary(merges, others):
    pairs = np.array(list(merges), dtype=np.int32).reshape(-1, 2)
    values = np.array(list(merges.values()), dtype=np.int32).reshape(-1, 2)
    slots, bitmap = pair_table.build(pairs[:, 0], pairs[:, 1], values[:, 1], values[:, 0])
    for left, right in (*merges, *others):
        rank, result = merges.get((left, right), (-1, 0))
        expected = rank << 32 | result if rank >= 0 else -1
        assert pair_table.find(slots, bitmap, np.int64(left), np.int64(right)) == expected
