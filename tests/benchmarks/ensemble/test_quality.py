"""Rows combined one by one are what `ByteEnsemble` itself says, on toy models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.ensemble.quality import ensemble_logprob
from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS, RandomLM, bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.ensemble import COMBINATIONS, ByteEnsemble, Combine
from tokkit.bytelm.ensembles.names import resolve_combination
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FEW = settings(max_examples=15, deadline=None, derandomize=True)
specs = bpe_specs(PRETOKENIZERS["gpt2"])
texts = st.lists(st.sampled_from(SYMBOLS), max_size=6).map(b"".join)


@FEW
@given(pair=st.tuples(specs, bpe_specs(PRETOKENIZERS["llama3"])), text=texts)
@pytest.mark.parametrize("combine", COMBINATIONS)
def test_combined_rows_give_the_probability_of_the_ensemble(
    pair: tuple[TokenizerSpec, ...], text: bytes, combine: Combine
) -> None:
    members = [ByteLM(RandomLM(TextTokenizer(spec), seed)) for seed, spec in enumerate(pair)]
    rows = np.stack([lm.byte_logprobs(text) for lm in members])
    found = ensemble_logprob(rows, text, resolve_combination(combine))
    assert found == pytest.approx(ByteEnsemble(members, combine=combine).logprob(text))
