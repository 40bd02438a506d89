"""`judge` says what `stays_apart` says, whatever it has seen before and however little it keeps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.text.bpe_strategies import bpe_specs
from tokkit.kernels.bpe.merge_forest import judge, stays_apart
from tokkit.text.segment_models.bpe import BpeModel


@settings(deadline=None)
@given(bpe_specs(), st.integers(0, 3), st.data())
def test_what_is_kept_is_what_is_found_anew(spec, bits, data):
    model = BpeModel(spec)
    reachable = np.flatnonzero(model.reachable)
    token = st.sampled_from(reachable.tolist()).map(np.int64)
    judged = np.full(1 << bits, -1, dtype=np.int64)
    for a, b in data.draw(st.lists(st.tuples(token, token), max_size=30)):
        for _ in range(2):
            assert judge(model._forest, judged, a, b) == stays_apart(model._forest, a, b)
