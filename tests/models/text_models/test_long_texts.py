"""Texts that are too long for one pass, or for the model, and words without an end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
from tests.models.laws import TEXT
from tests.models.toy_models import TOYS
from tokkit.errors import ModelError
from tokkit.models.text_models import cached_state

BYTE, SUBWORD = (next(toy for toy in TOYS if toy.name == name) for name in ("byte", "subword"))


def test_pieces_of_a_text_have_the_rows_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = BYTE.made(torch.float64)
    whole, logprob = model.byte_logprobs(TEXT), model.logprob(TEXT, end=True)
    monkeypatch.setattr(cached_state, "MOST_AT_ONCE", 7)
    monkeypatch.setattr(cached_state, "_LEAST_AT_ONCE", 2)
    monkeypatch.setattr(cached_state, "_MOST_PAIRS", 60)
    np.testing.assert_allclose(model.byte_logprobs(TEXT), whole, atol=1e-11)
    assert model.logprob(TEXT, end=True) == pytest.approx(logprob, abs=1e-9)
    states = [model.open(TEXT), model.open(TEXT[:5])]
    states[0].evaluate_with(states[1:])
    np.testing.assert_allclose(states[0].logprobs(), whole[-1], atol=1e-11)


def test_more_tokens_than_a_subword_model_reads_are_refused_at_once() -> None:
    model = SUBWORD.made()
    with pytest.raises(ModelError, match="8,192 that the model reads"):
        model.logprob(b"x" * 1_000_000)
    state = model.open()
    node = state.session.root
    for _ in range(8193):
        node = state.session.extend(node, 9)
    with pytest.raises(ModelError, match="longer than"):
        state.session.logprobs([node])


@pytest.mark.slow
@pytest.mark.parametrize("toy", [BYTE, SUBWORD], ids=["byte", "subword"])
def test_a_word_without_an_end_is_scored_in_windows(toy: Any) -> None:
    logprob = toy.made().logprob(b"x" * 60_000, window=2048)
    assert math.isfinite(logprob)
    assert logprob < 0
