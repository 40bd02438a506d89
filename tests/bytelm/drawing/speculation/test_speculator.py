"""Proposals change what is computed when, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.completion.fim_toys import WORDS, all_bytes_with
from tests.bytelm.drawing.speculation.shapes import SHAPES, SPECS
from tests.bytelm.random_bytes import RandomBytes
from tests.bytelm.toy_models import RandomLM, ab_lm
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.byte_state import DrawProgress
from tokkit.bytelm.completion.completion import complete, stream_completion
from tokkit.bytelm.drawing.draw import Draw
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.speculation.options import SpeculationOptions
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.errors import ArgumentError, ModelError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FEW = settings(max_examples=12, deadline=None, derandomize=True)
EVERYTHING = SpeculationOptions(row_cost=0.0)
seeds = st.integers(0, 99)
laws: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"temperature": st.sampled_from([0, 0.5, 1, 1.5])},
    optional={
        "top_k": st.integers(1, 5),
        "top_p": st.sampled_from([0.5, 0.9]),
        "min_p": st.sampled_from([0.05, 0.3]),
        "repetition_penalty": st.sampled_from([0.5, 3.0]),
        "no_repeat_ngram": st.integers(2, 4),
        "valid_utf8": st.booleans(),
        "stop": st.lists(st.sampled_from([b"a", b"aa", b" a", b"S ", b"b a"]), max_size=2),
        "max_bytes": st.integers(0, 8),
        "pattern": st.sampled_from(["[ab ]*", "(a|aa|bb| )*[aS]", "aaaa[^b]*"]),
    },
)


def model(spec: TokenizerSpec, seed: int = 0, **options: Any) -> ByteLM:
    return ByteLM(RandomLM(TextTokenizer(spec), seed), **options)


def outcome(lm: ByteModel, prompt: bytes, options: dict[str, Any]) -> bytes | str:
    """The text, or why there is none."""
    try:
        keywords: dict[str, Any] = {"max_bytes": 30, **options}
        return lm.generate(prompt, **keywords)
    except ModelError as error:
        return str(error)


def drawn_to(lm: ByteLM, prompt: bytes, **options: Any) -> tuple[bytes, CoverState]:
    """A text, and the state that stands where its drawing ended."""
    state = lm.open(prompt)
    assert isinstance(state, CoverState)
    return b"".join(Draw(lm.name, Request(prompt, **options), foretell=True).run(state)), state


@FEW
@given(spec=SPECS, prompt_seed=seeds, seed=seeds, law=laws, shape=SHAPES)
def test_texts_are_the_same_with_proposals_of_every_shape(
    spec: TokenizerSpec, prompt_seed: int, seed: int, law: dict[str, Any], shape: SpeculationOptions
) -> None:
    lm = model(spec)
    prompt = lm.generate("", max_bytes=5, seed=prompt_seed, speculate=False)
    options = {**law, "seed": seed}
    expected = outcome(lm, prompt, {**options, "speculate": False})
    assert outcome(lm, prompt, {**options, "speculate": shape}) == expected
    assert outcome(lm, prompt, {**options, "speculate": True}) == expected


@FEW
@given(spec=SPECS, seed=seeds, shape=SHAPES, tolerance=st.sampled_from([0.0, 0.05, 0.3]))
def test_states_are_the_same_after_proposals(
    spec: TokenizerSpec, seed: int, shape: SpeculationOptions, tolerance: float
) -> None:
    states: list[CoverState] = []
    for speculate in (False, shape):
        lm = model(spec, tolerance=tolerance)
        text, state = drawn_to(lm, b"", max_bytes=20, seed=seed, speculate=speculate)
        states.append(state)
        fresh = lm.open(text[:-1])
        if not tolerance and len(text) == 20:
            np.testing.assert_allclose(np.exp(state.logprobs()), np.exp(fresh.logprobs()))
    plain, other = states
    assert np.array_equal(plain.logprobs(), other.logprobs())
    assert plain.prefix_logprob == other.prefix_logprob
    assert plain.dropped_mass == other.dropped_mass
    assert plain.prefix_bytes == other.prefix_bytes
    twins = plain.fork(), other.fork()
    for twin in twins:
        twin.push(b"a")
    assert np.array_equal(twins[0].logprobs(), twins[1].logprobs())
    np.testing.assert_allclose(np.exp(plain.score(b"a a")), np.exp(other.score(b"a a")))
    assert plain.prefix_bytes == other.prefix_bytes


@settings(FEW, max_examples=6)
@given(specs=st.tuples(SPECS, SPECS), seed=seeds, law=laws, shape=SHAPES)
def test_ensembles_say_the_same_also_of_bytes_that_a_member_lacks(
    specs: tuple[TokenizerSpec, ...], seed: int, law: dict[str, Any], shape: SpeculationOptions
) -> None:
    members: list[ByteModel] = [model(spec, k) for k, spec in enumerate(specs)]
    models: list[ByteModel] = [
        *(ByteEnsemble(members, combine=combine) for combine in ("mixture", "mean", "product")),
        ByteEnsemble([ByteEnsemble(members), members[0], RandomBytes()], weights=[1, 2, 1]),
    ]
    for lm in models:
        options = {**law, "seed": seed, "max_bytes": 16}
        expected = outcome(lm, b"a", {**options, "speculate": False})
        assert outcome(lm, b"a", {**options, "speculate": shape}) == expected


@settings(FEW, max_examples=6)
@given(specs=st.tuples(SPECS, SPECS), seed=seeds, law=laws, shape=SHAPES)
def test_a_draft_changes_no_text(
    specs: tuple[TokenizerSpec, ...], seed: int, law: dict[str, Any], shape: SpeculationOptions
) -> None:
    lm, draft = (model(spec, k) for k, spec in enumerate(specs))
    options = {**law, "seed": seed}
    expected = outcome(lm, b"", {**options, "speculate": False})
    assert outcome(lm, b"", {**options, "speculate": shape, "draft": draft}) == expected


@settings(FEW, max_examples=6)
@given(spec=SPECS, prompts=st.lists(seeds, max_size=4), law=laws, shape=SHAPES)
def test_a_batch_draws_what_each_prompt_draws_alone(
    spec: TokenizerSpec, prompts: list[int], law: dict[str, Any], shape: SpeculationOptions
) -> None:
    lm = model(spec)
    texts = [lm.generate("", max_bytes=4, seed=seed, speculate=False) for seed in prompts]
    options: dict[str, Any] = {"max_bytes": 12, **law}
    expected = [
        outcome(lm, text, {**options, "seed": k, "speculate": False})
        for k, text in enumerate(texts)
    ]
    if any(isinstance(text, str) for text in expected):
        return
    assert lm.generate_batch(texts, seed=0, speculate=shape, **options) == expected


class FailingLM(RandomLM):
    """Cannot evaluate contexts that hold one id twice in a row, and says so in some way."""

    how = "error"

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        rows = super().next_token_logprobs(contexts)
        for row, ids in zip(rows, contexts, strict=True):
            if any(a == b for a, b in pairwise(ids)):
                if self.how == "error":
                    raise ModelError("refused")
                row[:] = np.nan
        return rows


class ShortLM(RandomLM):
    """Reads six tokens at most."""

    max_context = 6

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        if max(map(len, contexts)) > self.max_context:
            raise ModelError("too long")
        return super().next_token_logprobs(contexts)


def before_failing(lm: RandomLM, **options: Any) -> tuple[bytes, bool]:
    """What is drawn, and whether the model failed then."""
    text = b""
    try:
        for byte in ByteLM(lm).stream("", max_bytes=20, **options):
            text += byte
    except ModelError:
        return text, True
    return text, False


@pytest.mark.parametrize("how", ["error", "nan", "length"])
def test_what_fails_where_the_text_does_not_go_does_not_matter(how: str) -> None:
    n_whole = 0
    for seed in range(30):
        lm = FailingLM(TextTokenizer(WORDS)) if how != "length" else ShortLM(TextTokenizer(WORDS))
        if isinstance(lm, FailingLM):
            lm.how = how
        text, failed = before_failing(lm, seed=seed, speculate=False)
        n_whole += not failed
        for law in ({}, {"top_k": 257}):  # with a filter every head is asked about
            other, fails = before_failing(lm, seed=seed, speculate=EVERYTHING, **law)
            assert other.startswith(text)
            assert fails <= failed
            assert not law or (other, fails) == (text, failed)
    assert 0 < n_whole < 30


class CountingNgramLM(NgramLM):
    """Counts the calls of the model."""

    n_calls = 0

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        self.n_calls += 1
        return super().next_token_logprobs(contexts)


def test_passes_are_saved_and_counted() -> None:
    text = "there is a house, and there is a garden. " * 4
    tokenizer = TextTokenizer(all_bytes_with(b"there", b" there", b" house", b" garden"))
    n_passes: list[int] = []
    for speculate in (False, EVERYTHING):
        token_lm: Any = CountingNgramLM.train([text], tokenizer, order=4)
        lm = ByteLM(token_lm)
        state = lm.open("the")
        drawn = lm.generate("the", max_bytes=40, temperature=0, state=state, speculate=speculate)
        progress: Any = state.progress
        assert len(drawn) == 40
        assert progress.n_bytes == 40
        assert progress.n_passes == token_lm.n_calls - 1  # that of the prompt
        assert progress.n_held <= progress.n_proposed
        assert progress.bytes_per_pass == 40 / progress.n_passes
        n_passes.append(progress.n_passes)
    assert n_passes[0] == 39  # the first byte is known from the prompt's pass
    assert n_passes[1] < n_passes[0] / 2
    assert np.isnan(DrawProgress().share_held)
    assert np.isnan(DrawProgress().bytes_per_pass)


def test_repeated_text_and_drafts_save_passes() -> None:
    text = "the cat sat on the mat. " * 6
    tokenizer = TextTokenizer(all_bytes_with(b"cat", b" sat"))
    lm = ByteLM(NgramLM.train([text], tokenizer, order=5))
    draft = ab_like(text)
    counts: list[int] = []
    for options in ({"repeats": False}, {"repeats": True}):
        state: Any = lm.open(text)
        how = SpeculationOptions(row_cost=0.05, **options)
        lm.generate(text, max_bytes=60, temperature=0, state=state, speculate=how)
        counts.append(state.progress.n_passes)
    state = lm.open(text)
    how = SpeculationOptions(row_cost=0.05, repeats=False)
    lm.generate(text, max_bytes=60, temperature=0, state=state, speculate=how, draft=draft)
    counts.append(state.progress.n_passes)
    assert counts[1] < counts[0] / 2
    assert counts[2] < counts[0] / 2


def ab_like(text: str) -> ByteLM:
    """A model of bytes that knows a text."""
    return ByteLM(NgramLM.train([text], TextTokenizer(all_bytes_with()), order=6))


def test_all_that_draws_takes_the_options() -> None:
    lm = ab_lm("toy", "abab" * 4)
    options: dict[str, Any] = {"max_bytes": 9, "seed": 3}
    expected = lm.generate("a", speculate=False, **options)
    for how in (True, False, EVERYTHING):
        assert complete(lm, "a", speculate=how, **options) == expected
        assert b"".join(stream_completion(lm, "a", speculate=how, **options)) == expected
        assert b"".join(lm.stream("a", speculate=how, draft=lm, **options)) == expected
        assert lm.generate_batch(["a"], speculate=how, draft=lm, **options) == [expected]


def test_what_is_no_option_is_refused() -> None:
    lm = ab_lm("toy", "abab")
    wrong: list[tuple[str, Any, str]] = [
        ("speculate", 1, "speculate must be True, False"),
        ("draft", lm.token_lm, "draft"),
        ("draft", "ngram", "wrap a token model"),
    ]
    for name, value, message in wrong:
        with pytest.raises(ArgumentError, match=message):
            lm.generate("", max_bytes=1, **{name: value})
    unusable: list[dict[str, Any]] = [
        {"max_rows": -1},
        {"max_rows": 513},
        {"repeats": "yes"},
        {"row_cost": -0.1},
    ]
    for options in unusable:
        with pytest.raises(ArgumentError, match=next(iter(options))):
            SpeculationOptions(**options)
    with pytest.raises(ArgumentError, match="draft is about bytes"):
        complete(lm, "", max_bytes=1, unit="token", draft=lm)
