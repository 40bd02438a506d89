"""What every byte-level model inherits: streams."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.random_bytes import RandomBytes
from tests.bytelm.toy_models import RandomLM, bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.errors import ArgumentError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

OPTIONS: dict[str, Any] = {"max_bytes": 12, "top_k": 4, "no_repeat_ngram": 3, "seed": 1}


@settings(max_examples=10, deadline=None, derandomize=True)
@given(specs=st.tuples(bpe_specs(()), bpe_specs(())))
def test_a_stream_may_start_from_an_open_state_and_leaves_it(
    specs: tuple[TokenizerSpec, TokenizerSpec],
) -> None:
    members = [ByteLM(RandomLM(TextTokenizer(spec))) for spec in specs]
    models: list[ByteModel] = [
        RandomBytes(),
        members[0],
        *(ByteEnsemble(members, combine=combine) for combine in ("mixture", "mean")),
    ]
    for lm in models:
        prompt = lm.generate("", max_bytes=2, seed=0)
        state = lm.open(prompt)
        before = state.prefix_logprob
        for _ in range(2):
            assert lm.generate(prompt, state=state, **OPTIONS) == lm.generate(prompt, **OPTIONS)
        assert state.prefix_logprob == before


def test_an_option_that_does_not_exist_is_an_error_at_once() -> None:
    options: dict[str, Any] = {"max_bytes": 1, "top_q": 1}
    with pytest.raises(ArgumentError, match="unknown sampling option 'top_q'"):
        RandomBytes().stream("", **options)


def test_options_are_combined() -> None:
    options: dict[str, Any] = OPTIONS | {"max_bytes": 60, "valid_utf8": True}
    text = RandomBytes().generate("", **options)
    assert len(text.decode()) > 5
    assert len({text[k : k + 3] for k in range(len(text) - 2)}) == len(text) - 2
