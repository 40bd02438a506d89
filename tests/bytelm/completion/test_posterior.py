"""Middles of toy models, against the sum over all middles; proposals without replacement."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any, cast

import numpy as np
import pytest

from tests.bytelm.completion.fim_toys import WORDS
from tests.bytelm.goodness_of_fit import p_value
from tests.bytelm.test_ensemble import letters
from tests.bytelm.toy_models import RandomLM, ab_lm
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.completion.infilling import infill
from tokkit.bytelm.completion.posterior import search_middles
from tokkit.bytelm.completion.proposals import Proposals, explore
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.errors import ArgumentError, ModelError
from tokkit.text.tokenizer import TextTokenizer

ONE = ab_lm("one", "abab", "babba", "aab")
TWO = letters(b"ab", 4)
MODELS = {
    "one": ONE,
    "two": TWO,
    "adaptive": ByteEnsemble([ONE, TWO], combine="adaptive"),
    "mixture": ByteEnsemble([ONE, TWO]),
}
PLENTY = 10_000


def joints(lm: ByteModel, prefix: bytes, suffix: bytes, longest: int) -> dict[bytes, float]:
    """By brute force: the probability of each middle together with the suffix."""
    middles = [
        bytes(letters) for length in range(longest + 1) for letters in product(b"ab", repeat=length)
    ]
    found = {m: lm.logprob(m + suffix, prefix=prefix, end=not suffix) for m in middles}
    return {m: float(np.exp(value)) for m, value in found.items() if value > -np.inf}


@pytest.mark.parametrize("suffix", [b"ba", b"", b"aba"])
@pytest.mark.parametrize("name", MODELS)
def test_a_complete_search_is_the_posterior(name: str, suffix: bytes) -> None:
    lm = MODELS[name]
    expected = joints(lm, b"a", suffix, 4)
    middles = search_middles(lm, b"a", suffix, max_bytes=4, budget=PLENTY)
    assert middles.complete
    assert {middle.data for middle in middles.found} == set(expected)
    total = sum(expected.values())
    for middle in middles.found:
        assert np.exp(middle.logprob) == pytest.approx(expected[middle.data], rel=1e-9)
        assert middle.share == pytest.approx(expected[middle.data] / total, rel=1e-9)
    assert middles.found[0].data == max(expected, key=lambda data: expected[data])
    assert middles.passes <= PLENTY


@pytest.mark.parametrize("name", ["one", "adaptive"])
def test_samples_have_the_law_of_the_posterior(name: str) -> None:
    lm = MODELS[name]
    expected = joints(lm, b"b", b"ab", 3)
    total = sum(expected.values())
    middles = search_middles(lm, b"b", b"ab", max_bytes=3, budget=PLENTY)
    for temperature in (1.0, 0.5):
        law = {data: (value / total) ** (1 / temperature) for data, value in expected.items()}
        law = {data: value / sum(law.values()) for data, value in law.items()}
        drawn = Counter(middles.draw(temperature=temperature, seed=seed) for seed in range(2000))
        assert p_value(drawn, law) > 1e-3


def test_a_bonus_is_a_prior_on_length() -> None:
    plain = search_middles(ONE, b"a", b"ba", max_bytes=3, budget=PLENTY)
    longer = search_middles(ONE, b"a", b"ba", max_bytes=3, budget=PLENTY, length_bonus=0.7)
    weights = {m.data: m.share * np.exp(0.7 * len(m.data)) for m in plain.found}
    for middle in longer.found:
        assert middle.share == pytest.approx(weights[middle.data] / sum(weights.values()))
    logprobs = {m.data: m.logprob for m in plain.found}
    assert {m.data: m.logprob for m in longer.found} == pytest.approx(logprobs)


def test_a_small_budget_is_kept_and_finds_less() -> None:
    suffix = b"abbabaababbabb"
    small = search_middles(TWO, b"a", suffix, max_bytes=6, budget=60, seed=1)
    large = search_middles(TWO, b"a", suffix, max_bytes=6, budget=PLENTY, seed=1)
    assert large.complete
    assert not small.complete
    assert small.passes <= 60
    assert len(small.found) < len(large.found)
    logprobs = {middle.data: middle.logprob for middle in large.found}
    for middle in small.found:
        assert middle.logprob == pytest.approx(logprobs[middle.data], abs=1e-9)


@pytest.mark.parametrize("budget", [8, 9, 16, 30, 100, 260])
@pytest.mark.parametrize("name", ["two", "adaptive"])
def test_no_search_takes_more_passes_than_its_budget(name: str, budget: int) -> None:
    told: list[int] = []
    for suffix in (b"", b"ab", b"abbabaababbabbab" * 5):
        found = search_middles(
            MODELS[name], b"a", suffix, max_bytes=9, budget=budget, seed=2, progress=told.append
        )
        assert max(told) < found.passes <= budget


def test_what_progress_raises_ends_the_search() -> None:
    class EnoughError(Exception):
        pass

    def stop(passes: int) -> None:
        if passes >= 20:
            raise EnoughError

    with pytest.raises(EnoughError):
        search_middles(TWO, b"a", b"ba", max_bytes=9, seed=0, progress=stop)
    assert search_middles(TWO, b"a", b"ba", max_bytes=2, budget=8, seed=0, progress=stop).found


def test_progress_is_told_before_the_model_is_called_for_a_learning_ensemble() -> None:
    told: list[int] = []
    calls: list[int] = []

    class Noting(RandomLM):
        def next_token_logprobs(self, contexts: Any) -> Any:
            calls.append(len(told))
            return super().next_token_logprobs(contexts)

    members = [ByteLM(Noting(TextTokenizer(WORDS), k)) for k in range(2)]
    lm = ByteEnsemble(members, combine="adaptive")
    calls.clear()
    search_middles(lm, b"a", b"babba", max_bytes=6, budget=60, seed=0, progress=told.append)
    most = max(Counter(calls).values())
    assert 0 < most <= 4  # one state, or a group, of either member
    assert calls[0] == 1


def test_a_temperature_is_no_less_than_zero() -> None:
    middles = search_middles(TWO, b"a", b"ba", max_bytes=3, budget=PLENTY)
    assert middles.draw(temperature=1e-310, seed=0) == middles.found[0].data
    for wrong in (-1.0, float("nan"), "hot"):
        with pytest.raises(ArgumentError, match="temperature"):
            middles.draw(temperature=cast(Any, wrong))


def test_candidates_are_ranked_with_what_is_found() -> None:
    best = search_middles(TWO, b"a", b"bb", max_bytes=8, budget=PLENTY).found[0]
    few = search_middles(TWO, b"a", b"bb", max_bytes=8, budget=8, candidates=[best.data], seed=0)
    assert few.found[0].data == best.data
    assert few.found[0].logprob == pytest.approx(best.logprob, abs=1e-9)


def test_infill_takes_the_posterior_where_there_is_no_format() -> None:
    expected = search_middles(TWO, b"a", b"ba", max_bytes=4, budget=PLENTY)
    for method in ("auto", "posterior"):
        found = infill(TWO, b"a", b"ba", max_bytes=4, method=method, budget=PLENTY, temperature=0)
        assert found == expected.found[0].data
    drawn = infill(TWO, b"a", b"ba", max_bytes=4, budget=PLENTY, seed=3)
    assert drawn == search_middles(TWO, b"a", b"ba", max_bytes=4, budget=PLENTY, seed=3).draw(
        seed=3
    )


def test_what_does_not_belong_to_the_posterior_is_refused() -> None:
    refused: list[dict[str, Any]] = [
        {"top_k": 3},
        {"stop": "b"},
        {"unit": "token"},
        {"heal": "both"},
    ]
    for options in refused:
        with pytest.raises(ArgumentError, match="posterior"):
            infill(TWO, b"a", b"b", max_bytes=2, method="posterior", **options)
    unknown: Any = "best"
    with pytest.raises(ArgumentError, match="method"):
        infill(TWO, b"a", b"b", max_bytes=2, method=unknown)
    with pytest.raises(ArgumentError, match="budget"):
        infill(TWO, b"a", b"b", max_bytes=2, budget=0)
    with pytest.raises(ArgumentError, match="single ByteLM"):
        infill(MODELS["mixture"], b"a", b"b", max_bytes=2, method="format")


def test_a_suffix_without_mass_is_an_error() -> None:
    with pytest.raises(ModelError, match="suffix"):
        search_middles(TWO, b"a", b"z", max_bytes=3)


def test_proposals_are_drawn_without_replacement_until_none_is_left() -> None:
    proposals = Proposals(TWO.open(), b"", 3, np.random.default_rng(0))
    used = explore([proposals], PLENTY, 1)
    assert proposals.exhausted
    assert used == 2 + 4 + 8  # a fork knows its next byte
    assert len(proposals.places) == 1 + used
    rows = TWO.byte_logprobs(b"ab")
    expected = float(rows[0, ord("a")] + rows[1, ord("b")] + rows[2, END])
    assert proposals.scores()[b"ab"] == pytest.approx(expected)


def test_the_first_proposal_is_a_sample() -> None:
    law: dict[bytes, float] = {}
    for text in (b"aa", b"ab", b"ba", b"bb"):
        rows = np.exp(TWO.byte_logprobs(text)[:2])
        law[text] = float(rows[0, text[0]] * rows[1, text[1]])
    drawn = Counter[bytes]()
    for seed in range(1500):
        walker = Proposals(TWO.open(), b"", 2, np.random.default_rng(seed)).walk(1)
        last = b""
        for place in walker:
            place.settle()
            last = place.data
        drawn[last] += 1
    assert p_value(drawn, law) > 1e-3


def test_a_proposal_ends_where_it_goes_on_with_the_suffix() -> None:
    suffix = b"abababab"
    proposals = Proposals(TWO.open(), suffix, 9, np.random.default_rng(0))
    explore([proposals], PLENTY, 4)
    assert proposals.exhausted
    assert proposals.stopped
    assert suffix in proposals.places
    assert suffix + b"a" not in proposals.places
