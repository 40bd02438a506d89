"""Fits of output rows: marginals come out right, and a step goes downhill on its own text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hypernets.tokenizer_export.families import byte_level_bpe
from tokkit.hypernets.alignment import from_spellings
from tokkit.hypernets.heuristics.calibration import fit_marginals, log_loss, newton_step
from tokkit.hypernets.heuristics.shares import guessed_frequencies, log_shares
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import load_tokenizer


def drawn(seed: int, n: int = 20, width: int = 6, m: int = 400) -> tuple[Any, ...]:
    generator = np.random.default_rng(seed)
    outputs = generator.standard_normal((n, width)).astype(np.float32)
    truth = outputs + generator.standard_normal((n, width)).astype(np.float32)
    states = generator.standard_normal((m, width)).astype(np.float32)
    chances = softmax(truth, np.zeros(n, np.float32), states)
    tokens = np.array([generator.choice(n, p=row) for row in chances])
    return outputs, np.zeros(n, np.float32), states, tokens.astype(np.int64)


def softmax(outputs: Any, bias: Any, states: Any) -> Any:
    raised = np.exp((states @ outputs.T + bias).astype(np.float64))
    return raised / raised.sum(1, keepdims=True)


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_marginals_bring_expected_counts_nearer_to_counts(seed: int) -> None:
    outputs, bias, states, tokens = drawn(seed)
    counts = np.bincount(tokens, minlength=len(bias))
    fitted = fit_marginals(outputs, bias, states, tokens)
    away = [np.abs(softmax(outputs, b, states).sum(0) - counts).sum() for b in (bias, fitted)]
    assert away[1] < away[0]


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_a_newton_step_lowers_the_loss(seed: int) -> None:
    outputs, bias, states, tokens = drawn(seed)
    moved = newton_step(outputs, bias, states, tokens, ridge=50.0)
    assert log_loss(moved, bias, states, tokens) < log_loss(outputs, bias, states, tokens)


def test_the_step_is_the_gradient_through_the_damped_hessian() -> None:
    outputs, bias, states, tokens = drawn(3)
    chances = softmax(outputs, bias, states)
    gradient = (np.eye(len(bias))[tokens] - chances).T @ states
    moment = states.T @ states / len(states)
    ridge = 7.0 * np.trace(moment) / len(moment) * np.eye(len(moment))
    expected = [
        row + np.linalg.solve(count * moment + ridge, slope)
        for row, count, slope in zip(outputs, chances.sum(0), gradient, strict=True)
    ]
    moved = newton_step(outputs, bias, states, tokens, ridge=7.0)
    assert moved == pytest.approx(np.array(expected), abs=1e-3)


def test_the_loss_is_the_mean_of_minus_log_probabilities() -> None:
    outputs, bias, states, tokens = drawn(4)
    expected = -np.log(softmax(outputs, bias, states)[np.arange(len(tokens)), tokens]).mean()
    assert log_loss(outputs, bias, states, tokens) == pytest.approx(expected, rel=1e-4)


def test_shares_of_a_group_add_up_to_one() -> None:
    spellings = [(1,), (1, 2), (1, 3), (2,), (), (2, 2)]
    alignment = from_spellings(spellings, copied=np.zeros(6, np.bool_), n_source=4)
    frequencies = np.arange(1.0, 7.0)
    shares = np.exp(log_shares(alignment, frequencies))
    assert shares[[0, 1, 2]].sum() == pytest.approx(1)
    assert shares[[3, 5]].sum() == pytest.approx(1)
    assert shares[4] == shares.min()


def test_characters_after_the_merges_are_as_common_as_they_are_early_among_themselves() -> None:
    """As SentencePiece lists them; bytes that stand in for rare characters are the rarest."""
    tokens = (b"\x00", b"a", b"the", b"ing", b"tion", b"e", b"a")
    kinds = [TokenKind.BYTE] * 2 + [TokenKind.NORMAL] * 5
    plain = load_tokenizer(byte_level_bpe(Path(), size=300)).spec
    spec = replace(plain, token_bytes=tokens, kinds=np.array(kinds, dtype=np.uint8))
    guessed = guessed_frequencies(spec)
    assert guessed / guessed.max() == pytest.approx([1 / 7, 1 / 7, 1, 1 / 2, 1 / 3, 1, 1 / 2])


def test_what_is_no_piece_is_as_rare_as_the_rarest_piece() -> None:
    """Byte fallback has a score of 0 in many a Unigram file."""
    plain = load_tokenizer(byte_level_bpe(Path(), size=300)).spec
    spec = replace(
        plain,
        token_bytes=(b"a", b"b", b"c"),
        kinds=np.array([TokenKind.BYTE, TokenKind.NORMAL, TokenKind.NORMAL], dtype=np.uint8),
        scores=np.array([0.0, -1.0, -3.0]),
    )
    guessed = guessed_frequencies(spec)
    assert guessed / guessed[1] == pytest.approx([np.exp(-2), 1, np.exp(-2)])
