"""Where tokens end, against plain sums."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels.bpe.token_ends import fill_ends


@settings(deadline=None)
@given(st.lists(st.integers(0, 3)))
def test_ends_are_the_running_sum_of_lengths(tokens):
    lengths = [1, 2, 7, 128]
    ids, ends = np.array(tokens, dtype=np.int32), np.empty(len(tokens), dtype=np.int64)
    fill_ends(ids, np.array(lengths, dtype=np.int32), ends)
    assert ends.tolist() == list(itertools.accumulate(lengths[token] for token in tokens))
