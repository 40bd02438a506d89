"""The combinations by their formulas, on toy models with different vocabularies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS, RandomLM, bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.ensemble import COMBINATIONS, ByteEnsemble, Combine
from tokkit.bytelm.ensembles.switching import Switching
from tokkit.errors import ArgumentError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

texts = st.lists(st.sampled_from(SYMBOLS), max_size=8).map(b"".join)
pairs = st.tuples(bpe_specs(PRETOKENIZERS["gpt2"]), bpe_specs(PRETOKENIZERS["llama3"]))
FEW = settings(max_examples=30, deadline=None, derandomize=True)
WEIGHTS = (0.3, 0.7)


def members(specs: tuple[TokenizerSpec, ...]) -> list[ByteLM]:
    return [ByteLM(RandomLM(TextTokenizer(spec), seed)) for seed, spec in enumerate(specs)]


def close(found: np.ndarray, expected: Any) -> None:
    np.testing.assert_allclose(np.exp(found), expected, atol=1e-12)


@FEW
@given(specs=pairs, text=texts)
def test_mixture_is_the_average_of_joint_probabilities(
    specs: tuple[TokenizerSpec, ...], text: bytes
) -> None:
    lms = members(specs)
    ensemble = ByteEnsemble(lms, weights=WEIGHTS)
    joint = [w * np.exp(lm.logprob(text)) for w, lm in zip(WEIGHTS, lms, strict=True)]
    assert np.exp(ensemble.logprob(text)) == pytest.approx(sum(joint))
    if sum(joint) > 0:
        np.testing.assert_allclose(ensemble.open(text).posterior(), np.array(joint) / sum(joint))
        rows = [np.exp(lm.next_byte_logprobs(text)) for lm in lms]
        expected = sum(j * row for j, row in zip(joint, rows, strict=True)) / sum(joint)
        close(ensemble.next_byte_logprobs(text), expected)


@FEW
@given(specs=pairs, text=texts)
def test_mean_and_product_by_their_formulas(specs: tuple[TokenizerSpec, ...], text: bytes) -> None:
    lms = members(specs)
    if not all(np.isfinite(lm.logprob(text)) for lm in lms):
        return
    rows = np.array([np.exp(lm.next_byte_logprobs(text)) for lm in lms])
    mean = ByteEnsemble(lms, weights=WEIGHTS, combine="mean").next_byte_logprobs(text)
    close(mean, np.array(WEIGHTS) @ rows)
    product = np.prod(rows ** np.array(WEIGHTS)[:, None], axis=0)
    if product.sum() > 0:
        found = ByteEnsemble(lms, weights=WEIGHTS, combine="product").next_byte_logprobs(text)
        close(found, product / product.sum())


@pytest.mark.parametrize("combine", COMBINATIONS)
@FEW
@given(specs=pairs, text=texts)
def test_scoring_and_pushing_agree(
    combine: Combine, specs: tuple[TokenizerSpec, ...], text: bytes
) -> None:
    ensemble = ByteEnsemble(members(specs), weights=WEIGHTS, combine=combine)
    rows = ensemble.byte_logprobs(text)
    state = ensemble.open()
    total = 0.0
    for k in range(len(text)):
        close(state.logprobs(), np.exp(rows[k]))
        total += rows[k, text[k]]
        state.push(text[k : k + 1])
    if np.isfinite(total):
        assert ensemble.logprob(text) == pytest.approx(total, abs=1e-9)
        assert state.fork().prefix_logprob == pytest.approx(total, abs=1e-9)


def letters(alphabet: bytes, seed: int) -> ByteLM:
    tokens = (*(bytes([b]) for b in alphabet), b"")
    kinds = np.array([0] * len(alphabet) + [3], dtype=np.uint8)
    spec = TokenizerSpec(
        alphabet.decode(), "bytes", tokens, kinds, {"<e>": len(alphabet)}, eos_ids=(len(alphabet),)
    )
    return ByteLM(RandomLM(TextTokenizer(spec), seed))


@pytest.mark.parametrize("combine", COMBINATIONS)
def test_the_ensemble_goes_on_when_a_member_cannot(combine: Combine) -> None:
    narrow, wide = letters(b"ab", 0), letters(b"abc", 1)
    ensemble = ByteEnsemble([narrow, wide], combine=combine)
    before = ensemble.next_byte_logprobs(b"a")
    assert (before[ord("c")] > -np.inf) == (combine != "product")
    np.testing.assert_allclose(
        ensemble.next_byte_logprobs(b"ac"), wide.next_byte_logprobs(b"ac"), atol=1e-12
    )


def test_ensembles_of_ensembles_are_flat_mixtures() -> None:
    a, b, c = (letters(b"abc", seed) for seed in range(3))
    nested = ByteEnsemble([ByteEnsemble([a, b]), c], weights=[2, 1])
    flat = ByteEnsemble([a, b, c])
    np.testing.assert_allclose(nested.byte_logprobs(b"abcab"), flat.byte_logprobs(b"abcab"))


@pytest.mark.parametrize(
    "weights", [[1.0], [1, 1, 1], [1, -1], [0, 0], [float("nan"), 1], [float("inf"), 1]]
)
def test_weights_that_do_not_fit_are_errors(weights: list[float]) -> None:
    with pytest.raises(ArgumentError, match="weights"):
        ByteEnsemble([letters(b"a", 0), letters(b"a", 1)], weights=weights)


@pytest.mark.parametrize("combine", COMBINATIONS)
def test_a_member_without_weight_does_not_count(combine: Combine) -> None:
    narrow, wide = letters(b"ab", 0), letters(b"abc", 1)
    ensemble = ByteEnsemble([wide, narrow], weights=[1, 0], combine=combine)
    for prefix in (b"a", b"ac"):
        np.testing.assert_allclose(
            ensemble.next_byte_logprobs(prefix), wide.next_byte_logprobs(prefix), atol=1e-12
        )


@pytest.mark.parametrize("combine", COMBINATIONS)
def test_forks_and_pushes_are_a_fresh_start(combine: Combine) -> None:
    ensemble = ByteEnsemble([letters(b"abc", seed) for seed in range(3)], combine=combine)
    state = ensemble.open(b"ab")
    other = state.fork()
    other.push(b"cc")
    state.push(b"a")
    state.score(b"bc")
    state.push(b"ba")
    fresh = ensemble.open(b"ababcba")
    np.testing.assert_allclose(state.logprobs(), fresh.logprobs(), atol=1e-12)
    np.testing.assert_allclose(state.posterior(), fresh.posterior(), atol=1e-12)
    assert state.prefix_logprob == pytest.approx(fresh.prefix_logprob, abs=1e-9)
    assert other.prefix_logprob == pytest.approx(ensemble.logprob(b"abcc"), abs=1e-9)


def test_a_member_comes_back_after_what_it_could_not_say() -> None:
    narrow, wide, third = letters(b"ab", 0), letters(b"abc", 1), letters(b"abc", 2)
    picky = ByteEnsemble([narrow, wide], combine="product")  # goes on after a byte it rules out
    both = ByteEnsemble([picky, third], combine=Switching(rate=0.2))
    assert both.open(b"a").posterior()[0] > 0
    after = both.open(b"ac").posterior()[0]
    assert after == pytest.approx(0.2 * 0.5)
    assert np.isfinite(both.logprob(b"acab"))


def test_laws_differ_by_combination_and_by_options() -> None:
    members = [letters(b"ab", 0), letters(b"ab", 1)]
    laws = [
        ByteEnsemble(members, combine=how).law
        for how in ("mean", "switching", Switching(rate=0.5), "adaptive")
    ]
    assert all(law not in laws[:k] for k, law in enumerate(laws))
    assert ByteEnsemble(members, combine=Switching()).law == laws[1]


def test_unknown_combinations_and_no_members_are_errors() -> None:
    with pytest.raises(ArgumentError, match="combine"):
        ByteEnsemble([letters(b"a", 0)], combine="max")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="member"):
        ByteEnsemble([])
