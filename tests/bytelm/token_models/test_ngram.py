"""The n-gram model is a distribution, learns what it is shown, and serves a `ByteLM`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.bytelm.test_byte_lm import plain_bytes
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.errors import ArgumentError, EncodingError

TEXTS = [b"the cat sat on the mat", b"the cat ate the rat"]


@pytest.mark.parametrize("order", [1, 2, 4])
def test_rows_are_distributions(order: int) -> None:
    lm = NgramLM.train(TEXTS, plain_bytes(), order=order)
    rows = lm.next_token_logprobs([[], [116], [116, 104, 101], [0, 0, 0, 0, 0]])
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1.0)


def test_bigrams_by_hand() -> None:
    lm = NgramLM.train([b"ab"], plain_bytes(), order=2)
    unigram_b = (1 + 3 * (1 / 257)) / 6
    assert np.exp(lm.next_token_logprobs([[97]])[0, 98]) == pytest.approx((1 + unigram_b) / 2)


def test_longer_contexts_fit_the_training_text_better() -> None:
    bits = [
        ByteLM(NgramLM.train(TEXTS, plain_bytes(), order=order)).bits_per_byte(TEXTS[0])
        for order in (1, 2, 4)
    ]
    assert bits == sorted(bits, reverse=True)


def test_bad_arguments_are_errors() -> None:
    with pytest.raises(ArgumentError, match="order"):
        NgramLM.train(TEXTS, plain_bytes(), order=0)
    wrongs: tuple[Any, ...] = (1.5, "a", True)
    for wrong in wrongs:
        with pytest.raises(ArgumentError, match="eos_id must be a whole number"):
            NgramLM.train(TEXTS, plain_bytes(), eos_id=wrong)
    with pytest.raises(EncodingError, match="outside"):
        NgramLM.train(TEXTS, plain_bytes()).next_token_logprobs([[1000]])
