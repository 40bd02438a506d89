"""FOCUS: sparsemax is exact, and a new row is a mean of rows of tokens that are used alike."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

torch: Any = pytest.importorskip("torch")
from tests.hypernets.plain_models.toy_models import toy_model, toy_tokenizer
from tests.reference.sparsemax_reference import nearest_distribution
from tokkit.errors import ArgumentError, MissingExtraError
from tokkit.hypernets.heuristics.sparsemax import sparsemax
from tokkit.hypernets.heuristics.token_vectors import FEWEST, token_vectors
from tokkit.hypernets.plain_models.vocabulary_layers import input_rows, output_rows
from tokkit.hypernets.transfer import transfer
from tokkit.text.tokenizer import load_tokenizer

WORDS = ("cat", "dog", "sun", "moon")
LINES = "\n".join(f"the {a} sees the {b} and the {a} is glad" for a in WORDS for b in WORDS)
TEXT = f"{LINES}\n" * 12


@settings(max_examples=40, deadline=None)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 3), st.integers(1, 6)),
        elements=st.floats(-3, 3, width=16),
    )
)
def test_sparsemax_is_the_nearest_distribution(scores: Any) -> None:
    found = sparsemax(scores)
    for row, weights in zip(scores, found, strict=True):
        assert weights == pytest.approx(nearest_distribution(row), abs=1e-9)


def test_sparsemax_adds_a_constant_to_no_effect() -> None:
    scores = np.random.default_rng(0).standard_normal((4, 300))
    found = sparsemax(scores)
    assert found.sum(1) == pytest.approx(1)
    assert 0 < np.count_nonzero(found) < found.size
    assert sparsemax(scores + 1e3) == pytest.approx(found, abs=1e-9)


@pytest.mark.parametrize("kind", ["mistral", pytest.param("llama", marks=pytest.mark.slow)])
def test_rows_lie_among_those_of_shared_tokens(kind: str) -> None:
    pytest.importorskip("gensim")
    small, large = toy_tokenizer(280), toy_tokenizer(340)
    model = toy_model(kind, 280)
    result = transfer((model, small), large, method="focus", text=TEXT)
    report = result.report
    assert report.n_predicted > 0
    assert report.n_copied == 280
    means = transfer((model, small), large, method="mean")
    for rows in [input_rows] if kind == "llama" else [input_rows, output_rows]:
        old, made, other = rows(model), rows(result.model), rows(means.model)
        assert np.array_equal(made[:280], old)
        differ = (made != other).any(axis=1)
        assert differ.sum() == report.n_predicted
        low, high = old.min(0) - 1e-5, old.max(0) + 1e-5
        assert ((made >= low) & (made <= high)).all()


def test_vectors_are_of_the_tokens_that_come_often_and_the_same_each_time() -> None:
    pytest.importorskip("gensim")
    tokenizer = load_tokenizer(toy_tokenizer(300))
    windows = [TEXT.encode()]
    tokens, vectors = token_vectors(windows, tokenizer.spec, seed=1)
    assert np.isfinite(vectors).all()
    counts = np.bincount(tokenizer.encode(TEXT), minlength=300)
    assert set(tokens.tolist()) == set(np.flatnonzero(counts >= FEWEST).tolist())
    assert np.array_equal(vectors, token_vectors(windows, tokenizer.spec, seed=1)[1])
    assert not len(token_vectors([b"the cat"], tokenizer.spec, seed=1)[0])


def test_what_is_missing_is_told_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ArgumentError, match="wants a text"):
        transfer("no/such/model", "no/such/tokenizer", method="focus")
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(MissingExtraError, match=r"gensim; .* '.\[focus\]'"):
        transfer("no/such/model", "no/such/tokenizer", method="focus", text="some text")
