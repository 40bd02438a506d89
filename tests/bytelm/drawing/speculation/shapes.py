"""Tokenizers of every family, and ways to speculate, for tests."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.bytelm.toy_models import (
    PRETOKENIZERS,
    bpe_specs,
    character_bpe_specs,
    unigram_specs,
    wordpiece_specs,
)
from tokkit.bytelm.drawing.speculation.options import SpeculationOptions

SPECS = st.one_of(
    st.sampled_from(list(PRETOKENIZERS.values())).flatmap(bpe_specs),
    character_bpe_specs(),
    unigram_specs(),
    wordpiece_specs(),
)
SHAPES = st.builds(
    SpeculationOptions,
    max_rows=st.sampled_from([1, 3, 40]),
    repeats=st.booleans(),
    row_cost=st.sampled_from([0.0, 0.05, 0.3]),  # not measured: the passes are the same each time
)
