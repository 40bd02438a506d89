"""A model goes on from what it is given, as it would by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
from tests.hypernets.plain_models.toy_models import toy_model
from tokkit.hypernets.alignment import from_spellings
from tokkit.hypernets.written_by_model import drawn_beginnings, written_on

BEGINNINGS = [(5,), (7, 8, 9), (), (11, 12)]


@pytest.fixture(scope="module")
def model() -> Any:
    return toy_model("llama", 40)


def test_each_text_begins_as_given(model: Any) -> None:
    texts = written_on(model, [1], BEGINNINGS, n_vocab=40, seed=0, n_tokens=6)
    assert [len(text) for text in texts] == [6] * 4
    for text, beginning in zip(texts, BEGINNINGS, strict=True):
        assert tuple(text[: len(beginning)]) == beginning


def test_a_seed_makes_the_text(model: Any) -> None:
    texts = [written_on(model, [1], BEGINNINGS, n_vocab=40, seed=s) for s in (3, 3, 4)]
    assert texts[0] == texts[1] != texts[2]


def test_tokens_come_as_often_as_the_model_says(model: Any) -> None:
    n = 4000
    texts = written_on(model, [1], [(5,)] * n, n_vocab=40, seed=0, n_tokens=2)
    with torch.inference_mode():
        chances = model(torch.tensor([[1, 5]])).logits[0, -1].double().softmax(-1).numpy()
    shares = np.bincount([text[1] for text in texts], minlength=40) / n
    assert np.all(np.abs(shares - chances) < 5 * np.sqrt(chances * (1 - chances) / n) + 1e-3)


def test_rows_without_a_token_are_never_drawn(model: Any) -> None:
    texts = written_on(model, [1], [()] * 64, n_vocab=3, seed=0, n_tokens=8)
    assert max(map(max, texts)) < 3


def test_beginnings_are_spellings_of_tokens_with_weight() -> None:
    alignment = from_spellings(
        [(1,), (2, 3), (), (4,)], copied=np.array([True, False, False, True]), n_source=5
    )
    drawn = drawn_beginnings(alignment, np.array([0.0, 1.0, 9.0, 2.0]), 200, seed=0)
    assert set(drawn) == {(2, 3), (4,)}
    assert drawn_beginnings(alignment, np.array([0.0, 0.0, 1.0, 0.0]), 3, seed=0) == [()] * 3
