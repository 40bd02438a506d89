"""States that are evaluated together say what each says alone, with one model call for all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS, RandomLM, bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel, open_together
from tokkit.bytelm.drawing.together import evaluate_together, push_together
from tokkit.bytelm.ensemble import ByteEnsemble, Combine
from tokkit.errors import ArgumentError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

texts = st.lists(st.sampled_from(SYMBOLS), max_size=6).map(b"".join)
pairs = st.tuples(bpe_specs(PRETOKENIZERS["gpt2"]), bpe_specs(PRETOKENIZERS["llama3"]))
FEW = settings(max_examples=12, deadline=None, derandomize=True)


class CountingLM(RandomLM):
    """Counts the calls of the model."""

    n_calls = 0

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        self.n_calls += 1
        return super().next_token_logprobs(contexts)


def counting(specs: Sequence[TokenizerSpec]) -> list[CountingLM]:
    return [CountingLM(TextTokenizer(spec), seed) for seed, spec in enumerate(specs)]


def models(lms: Sequence[CountingLM]) -> list[ByteModel]:
    members = [ByteLM(lm) for lm in lms]
    combinations: tuple[Combine, ...] = ("mixture", "mean", "product")
    nested = ByteEnsemble([ByteEnsemble(members), members[0]], combine="mean")
    return [members[0], *(ByteEnsemble(members, combine=c) for c in combinations), nested]


@FEW
@given(specs=pairs, prefixes=st.lists(texts, max_size=4))
def test_a_batch_says_what_each_state_says_alone(
    specs: tuple[TokenizerSpec, ...], prefixes: list[bytes]
) -> None:
    for model in models(counting(specs)):
        states = open_together(model, len(prefixes))
        for state, prefix in zip(states, prefixes, strict=True):
            state.push(prefix)
        evaluate_together(states)
        for state, prefix in zip(states, prefixes, strict=True):
            alone = model.open(prefix)
            np.testing.assert_allclose(np.exp(state.logprobs()), np.exp(alone.logprobs()))
            assert state.prefix_logprob == pytest.approx(alone.prefix_logprob)


@pytest.mark.parametrize("which", range(5))
@FEW
@given(specs=pairs, prefixes=st.lists(texts, min_size=2, max_size=4), byte=st.sampled_from(SYMBOLS))
def test_a_step_of_a_batch_is_one_call_of_each_model(
    which: int, specs: tuple[TokenizerSpec, ...], prefixes: list[bytes], byte: bytes
) -> None:
    lms = counting(specs)
    states = open_together(models(lms)[which], len(prefixes))
    for state, prefix in zip(states, prefixes, strict=True):
        state.push(prefix)
    evaluate_together(states)
    before = [lm.n_calls for lm in lms]
    for state in states:
        state.logprobs()
        state.push(byte)
    assert [lm.n_calls for lm in lms] == before
    evaluate_together(states)
    for state in states:
        state.logprobs()
    # A model that stands twice in an ensemble has two caches.
    limits = [2, 1] if which == 4 else [1, 1]
    for lm, count, limit in zip(lms, before, limits, strict=True):
        assert lm.n_calls - count <= limit


LEARNERS: tuple[Combine, ...] = ("product", "loglinear", "switching", "adaptive")
forks = st.lists(st.tuples(texts, texts), min_size=1, max_size=4)


@pytest.mark.parametrize("tolerance", [0.0, 0.4])
@FEW
@given(specs=pairs, forks=forks, combine=st.sampled_from(LEARNERS))
def test_texts_pushed_together_change_each_state_as_alone(
    tolerance: float,
    specs: tuple[TokenizerSpec, ...],
    forks: list[tuple[bytes, bytes]],
    combine: Combine,
) -> None:
    members = [ByteLM(lm) for lm in counting(specs)]
    ensemble = ByteEnsemble(members, combine=combine, tolerance=tolerance)
    for model in (members[0], ensemble, ByteEnsemble([ensemble, members[1]], combine="mean")):
        states = open_together(model, len(forks))
        push_together(states, [first for first, _ in forks])
        push_together(states, [second for _, second in forks])
        for state, (first, second) in zip(states, forks, strict=True):
            alone = model.open()
            alone.push(first)
            alone.push(second)
            np.testing.assert_allclose(np.exp(state.logprobs()), np.exp(alone.logprobs()))
            assert state.prefix_logprob == pytest.approx(alone.prefix_logprob)


@FEW
@given(specs=pairs, prefixes=st.lists(texts, min_size=2, max_size=4))
def test_ensembles_that_learn_ask_each_model_once_for_all_texts(
    specs: tuple[TokenizerSpec, ...], prefixes: list[bytes]
) -> None:
    lms = counting(specs)
    states = open_together(
        ByteEnsemble([ByteLM(lm) for lm in lms], combine="adaptive"), len(prefixes)
    )
    before = [lm.n_calls for lm in lms]
    push_together(states, prefixes)
    for state in states:
        state.logprobs()
    assert all(lm.n_calls - count <= 1 for lm, count in zip(lms, before, strict=True))


@pytest.mark.parametrize("which", range(5))
@FEW
@given(specs=pairs, prompts=st.lists(texts, max_size=4), seed=st.integers(0, 99))
def test_a_batch_of_completions_is_each_of_them_with_its_seed(
    which: int, specs: tuple[TokenizerSpec, ...], prompts: list[bytes], seed: int
) -> None:
    model = models(counting(specs))[which]
    known = [p for p in prompts if model.next_byte_logprobs(p).max() > -np.inf]
    alone = [
        model.generate(prompt, max_bytes=5, seed=seed + k, stop=[b"aa"], top_k=3)
        for k, prompt in enumerate(known)
    ]
    together = model.generate_batch(known, max_bytes=5, seed=seed, stop=[b"aa"], top_k=3)
    assert together == alone


@FEW
@given(specs=pairs)
def test_a_batch_of_completions_refuses_what_one_refuses(specs: tuple[TokenizerSpec, ...]) -> None:
    model = models(counting(specs))[0]
    assert model.generate_batch([], max_bytes=3) == []
    with pytest.raises(ArgumentError, match="max_bytes"):
        model.generate_batch([b"a"], max_bytes=-1)
