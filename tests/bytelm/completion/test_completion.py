"""Laws of completion: by bytes and by tokens the same distribution, wherever the prompt is cut."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.completion.fim_toys import WORDS, all_bytes_with
from tests.bytelm.goodness_of_fit import p_value
from tests.bytelm.toy_models import (
    PRETOKENIZERS,
    SYMBOLS,
    RandomLM,
    bpe_specs,
    character_bpe_specs,
    unigram_specs,
    wordpiece_specs,
)
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.completion.completion import UNITS, complete, stream_completion
from tokkit.bytelm.completion.token_walk import TokenWalk
from tokkit.bytelm.drawing.sampling import Sampler, Sampling
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.errors import ArgumentError, ModelError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

prompts = st.lists(st.sampled_from(SYMBOLS), max_size=5).map(b"".join)
families = st.one_of(
    *(bpe_specs(splits) for splits in PRETOKENIZERS.values()),
    character_bpe_specs(),
    unigram_specs(),
)
N_BYTES = 3
Law = dict[tuple[bytes, bool], float]


def byte_lm(spec: TokenizerSpec, seed: int = 0) -> ByteLM:
    return ByteLM(RandomLM(TextTokenizer(spec), seed))


def open_state(lm: ByteLM, prompt: bytes) -> CoverState:
    state = lm.open(prompt)
    assert isinstance(state, CoverState)
    return state


def law_by_bytes(lm: ByteLM, prompt: bytes, n_bytes: int) -> Law:
    """P of each completion (and whether it ended by itself), from next-byte distributions."""
    law: Law = {}

    def grow(text: bytes, probability: float) -> None:
        if len(text) == n_bytes:
            law[text, False] = probability
            return
        following = np.exp(lm.next_byte_logprobs(prompt + text))
        for symbol in np.flatnonzero(following).tolist():
            if symbol == END:
                law[text, True] = probability * following[END]
            else:
                grow(text + bytes([symbol]), probability * following[symbol])

    grow(b"", 1.0)
    return law


class Scripted(Sampler):
    """Draws what it is told, and remembers what it was asked to draw from."""

    def __init__(self, choice: int) -> None:
        super().__init__(Sampling(), seed=0)
        self.choice = choice
        self.law = np.empty(0)

    def draw(self, logprobs: np.ndarray) -> int:
        self.law = np.exp(logprobs - np.logaddexp.reduce(logprobs))
        return range(len(logprobs))[self.choice]


def steps(walk: TokenWalk) -> Iterator[tuple[float, TokenWalk, bytes | None]]:
    """Every way in which the walk may go on, with its probability."""
    end = Scripted(-1)
    assert walk.draw(end) is None  # which leaves the walk where it is
    for choice in np.flatnonzero(end.law).tolist():
        twin = copy(walk)
        yield end.law[choice], twin, twin.draw(Scripted(choice))


def law_by_tokens(walk: TokenWalk, n_bytes: int) -> Law:
    """The same law, from the draws of whole tokens."""
    law: Law = {}

    def grow(walk: TokenWalk, text: bytes, probability: float) -> None:
        if len(text) >= n_bytes:
            key = text[:n_bytes], False
            law[key] = law.get(key, 0.0) + probability
            return
        for share, twin, data in steps(walk):
            if data is None:
                law[text, True] = law.get((text, True), 0.0) + probability * share
            else:
                grow(twin, text + data, probability * share)

    grow(walk, b"", 1.0)
    return law


def assert_same_law(law: Law, expected: Law) -> None:
    assert sum(expected.values()) == pytest.approx(1)
    for key in law.keys() | expected.keys():
        assert law.get(key, 0.0) == pytest.approx(expected.get(key, 0.0), abs=1e-12), key


@settings(max_examples=20, deadline=None, derandomize=True)
@given(spec=families, prompt=prompts, space=st.booleans())
def test_tokens_and_bytes_have_the_same_law(
    spec: TokenizerSpec, prompt: bytes, space: bool
) -> None:
    lm = byte_lm(replace(spec, prefix_space="always") if space else spec)
    state = open_state(lm, prompt)
    if np.isfinite(state.prefix_logprob):
        assert_same_law(law_by_tokens(TokenWalk(state), N_BYTES), law_by_bytes(lm, prompt, N_BYTES))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(spec=wordpiece_specs(), prompt=st.sampled_from([b"", b"a", b"ab", b"b a", b"ab "]))
def test_tokens_and_bytes_have_the_same_law_for_wordpiece(
    spec: TokenizerSpec, prompt: bytes
) -> None:
    lm = byte_lm(spec)
    state = open_state(lm, prompt)
    if np.isfinite(state.prefix_logprob):
        assert_same_law(law_by_tokens(TokenWalk(state), N_BYTES), law_by_bytes(lm, prompt, N_BYTES))


LEARNT = (
    b"once in a midnight:\n\n\n    l'\xc3\xa9t\xc3\xa9,  \xe6\x97\xa5\xe6\x9c\xac  mid-wear, weak\n"
)


@pytest.mark.parametrize("prompt", [b"a", b"ab", b"b ", b"b\xc3", b"ab\xc3\xa9 a"])
@pytest.mark.parametrize("unit", ["byte", "token"])
def test_completions_are_drawn_from_the_law(prompt: bytes, unit: Any) -> None:
    lm = byte_lm(WORDS)
    probabilities: dict[bytes, float] = defaultdict(float)
    for (text, _), probability in law_by_bytes(lm, prompt, 2).items():
        probabilities[text] += probability
    n = 400
    state = open_state(lm, prompt)
    drawn = Counter(
        b"".join(stream_completion(lm, prompt, max_bytes=2, unit=unit, seed=k, state=state))
        for k in range(n)
    )
    assert drawn.keys() <= probabilities.keys()
    assert p_value(drawn, probabilities) > 1e-4


def test_a_token_costs_one_evaluation() -> None:
    lm = byte_lm(WORDS)
    calls: list[int] = []
    model = lm.token_lm.next_token_logprobs

    def counting(contexts: Sequence[Sequence[int]]) -> np.ndarray:
        calls.append(len(contexts))
        return model(contexts)

    lm.token_lm.next_token_logprobs = counting
    walk = TokenWalk(open_state(lm, b"ab"))
    before = len(calls)
    sampler = Sampler(Sampling(), seed=2)
    n_tokens = 0
    while walk.draw(sampler) is not None:
        n_tokens += 1
    assert n_tokens > 5
    assert calls[before:] == [1] * n_tokens


def test_a_learnt_text_goes_on_from_every_cut() -> None:
    """Cuts inside words, characters, and runs of spaces and newlines."""
    words = (b" weak", b" wear", b" midnight", b"   ", "é".encode(), "日本".encode())
    lm = ByteLM(NgramLM.train([LEARNT], TextTokenizer(all_bytes_with(*words)), order=4))
    for cut in range(7, len(LEARNT)):
        rest = LEARNT[cut : cut + 4]
        for unit in UNITS:
            text = complete(lm, LEARNT[:cut], max_bytes=len(rest), unit=unit, temperature=0)
            assert text == rest, (cut, unit)


@pytest.mark.parametrize("max_bytes", range(6))
def test_max_bytes_cuts_inside_a_token(max_bytes: int) -> None:
    lm = byte_lm(WORDS)
    for seed in range(20):
        longer = complete(lm, b"a", max_bytes=20, unit="token", seed=seed)
        shorter = complete(lm, b"a", max_bytes=max_bytes, unit="token", seed=seed)
        assert shorter == longer[:max_bytes]


def test_stop_strings_end_a_completion_inside_a_token() -> None:
    lm = byte_lm(WORDS)
    whole = {seed: complete(lm, b"", max_bytes=30, unit="token", seed=seed) for seed in range(30)}
    stopped = {
        seed: complete(lm, b"", max_bytes=30, unit="token", seed=seed, stop=["ba"])
        for seed in whole
    }
    assert any(b"ba" in text for text in whole.values())
    for seed, text in whole.items():
        assert stopped[seed] == text.partition(b"ba")[0]


def test_bytes_are_yielded_one_by_one() -> None:
    parts = list(stream_completion(byte_lm(WORDS), b"a", max_bytes=12, unit="token", seed=3))
    assert parts
    assert all(len(part) == 1 for part in parts)


def test_an_open_state_may_be_handed_over_and_stays_as_it_is() -> None:
    lm = byte_lm(WORDS)
    state = lm.open(b"ab")
    before = state.logprobs()
    for unit in UNITS:
        expected = list(stream_completion(lm, b"ab", max_bytes=9, unit=unit, seed=5))
        given_ = list(stream_completion(lm, b"ab", max_bytes=9, unit=unit, seed=5, state=state))
        assert given_ == expected
    np.testing.assert_array_equal(state.logprobs(), before)


def test_greedy_tokens_take_the_most_probable_token() -> None:
    walk = TokenWalk(open_state(byte_lm(WORDS), b"a"))
    look = Scripted(-1)
    walk.draw(look)
    best = int(look.law.argmax())
    assert best < len(look.law) - 1
    expected = copy(walk).draw(Scripted(best))
    assert walk.draw(Sampler(Sampling(temperature=0))) == expected


def test_an_ensemble_has_no_tokens() -> None:
    lm = byte_lm(WORDS)
    both = ByteEnsemble([lm, byte_lm(WORDS, seed=1)])
    assert complete(both, b"a", max_bytes=4, seed=0) == both.generate(b"a", max_bytes=4, seed=0)
    with pytest.raises(ArgumentError, match="unit='byte'"):
        complete(both, b"a", max_bytes=4, unit="token")


@pytest.mark.parametrize(
    "options",
    [
        {"unit": "word", "max_bytes": 4},
        {"unit": "token", "max_bytes": -1},
        {"unit": "token", "max_bytes": 4, "stop": [b""]},
        {"unit": "token", "max_bytes": 4, "temperature": -1},
        {"unit": "token", "max_bytes": 4, "seed": -1},
        {"unit": "token", "max_bytes": 4, "valid_utf8": True},
        {"unit": "token", "max_bytes": 4, "repetition_penalty": 1.0},
        {"unit": "token", "max_bytes": 4, "no_repeat_ngram": 3},
    ],
)
def test_options_out_of_range_are_errors_at_once(options: Any) -> None:
    with pytest.raises(ArgumentError):
        stream_completion(byte_lm(WORDS), b"a", **options)


@pytest.mark.parametrize("unit", ["byte", "token"])
def test_a_prompt_without_mass_is_an_error(unit: Any) -> None:
    with pytest.raises(ModelError, match="no mass"):
        complete(byte_lm(WORDS), b"\x00", max_bytes=4, unit=unit)
