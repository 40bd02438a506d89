"""Members that are asked later: rows stay near the exact ones, and a wake makes up for the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.bytelm.test_ensemble import letters
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.ensemble import COMBINATIONS, ByteEnsemble, Combine
from tokkit.bytelm.ensembles.combination import Step
from tokkit.bytelm.ensembles.lazy import LazyEnsembleState, variation
from tokkit.errors import ArgumentError


def written(lm: ByteLM, n_bytes: int) -> bytes:
    """A text that a model may well have written, though it goes on where the model might end."""
    state, text, rng = lm.open(), b"", np.random.default_rng(5)
    for _ in range(n_bytes):
        chances = np.exp(state.logprobs()[:256])
        text += bytes([int(rng.choice(256, p=chances / chances.sum()))])
        state.push(text[-1:])
    return text


TEXT = written(letters(b"ab", 0), 150)


class Counting:
    """A token model, and how often it was called."""

    def __init__(self, lm: ByteLM) -> None:
        self._token_lm = lm.token_lm
        self.tokenizer, self.eos_ids = self._token_lm.tokenizer, self._token_lm.eos_ids
        self.calls = 0

    def next_token_logprobs(self, contexts: Any) -> np.ndarray:
        self.calls += 1
        return np.asarray(self._token_lm.next_token_logprobs(contexts))


def useless() -> tuple[ByteLM, Counting]:
    """A member that the evidence is against, for it says that all texts are c."""
    counting = Counting(letters(b"abcdefghijkl", 3))
    return ByteLM(counting), counting


def opened(combine: Combine, tolerance: float) -> tuple[LazyEnsembleState, ByteEnsemble, Counting]:
    member, counting = useless()
    members = [letters(b"ab", 0), letters(b"ab", 1), member]
    state = ByteEnsemble(members, combine=combine, tolerance=tolerance).open()
    assert isinstance(state, LazyEnsembleState)
    return state, ByteEnsemble(members, combine=combine), counting


@pytest.mark.parametrize("combine", ["mixture", "adaptive", "switching"])
def test_a_useless_member_is_asked_in_few_calls(combine: Combine) -> None:
    state, exact, counting = opened(combine, 0.05)
    rows = exact.byte_logprobs(TEXT)
    counting.calls, total, slept = 0, 0.0, 0
    apart: list[float] = []
    for k in range(len(TEXT)):
        row = state.logprobs()
        assert np.exp(row).sum() == pytest.approx(1, abs=1e-12)
        apart.append(variation(row, rows[k]))
        total += float(row[TEXT[k]])
        state.push(TEXT[k : k + 1])
        slept += 2 in state.asleep
    assert np.mean(apart) < 0.05
    assert slept > len(TEXT) / 6
    assert counting.calls < len(TEXT) - slept / 2
    if combine != "mixture":  # whose total is that of its members' evidence
        assert state.prefix_logprob == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("combine", COMBINATIONS)
def test_after_a_wake_all_is_as_if_nobody_had_slept(combine: Combine) -> None:
    state, exact, _ = opened(combine, 0.3)
    slept = False
    for k in range(60):
        state.push(TEXT[k : k + 1])
        slept |= bool(state.asleep)
    state.wake()
    fresh = exact.open(TEXT[:60])
    np.testing.assert_allclose(state.posterior(), fresh.posterior(), atol=1e-9)
    np.testing.assert_allclose(np.exp(state.logprobs()), np.exp(fresh.logprobs()), atol=1e-9)
    assert slept or combine in ("mean", "product")
    if slept:
        assert state.largest_change > 0


def test_a_known_text_wakes_all_and_is_scored_exactly() -> None:
    state, exact, _ = opened("switching", 0.2)
    for k in range(50):
        state.push(TEXT[k : k + 1])
    rows = state.score(TEXT[50:])
    np.testing.assert_allclose(rows, exact.byte_logprobs(TEXT)[50:], atol=1e-9)


def one_and_a_useless_one(combine: Combine) -> tuple[LazyEnsembleState, ByteEnsemble, Counting]:
    member, counting = useless()
    members = [letters(b"ab", 0), member]
    state = ByteEnsemble(members, combine=combine, tolerance=0.3).open()
    assert isinstance(state, LazyEnsembleState)
    return state, ByteEnsemble(members, combine=combine), counting


def calm_bytes(state: LazyEnsembleState) -> int:
    return state._calm[1]  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("combine", ["adaptive", "switching"])
def test_who_was_calm_in_a_prompt_is_not_asked_after_it(combine: Combine) -> None:
    state, exact, counting = one_and_a_useless_one(combine)
    state.push(TEXT[:100])
    assert state.asleep == (1,)
    rows = exact.byte_logprobs(TEXT)
    counting.calls, apart = 0, list[float]()
    for k in range(100, 115):
        apart.append(variation(state.logprobs(), rows[k]))
        state.push(TEXT[k : k + 1])
    assert counting.calls == 0
    assert 0 < max(apart) <= 0.3
    state.wake()
    assert state.largest_change == pytest.approx(max(apart), abs=1e-9)
    np.testing.assert_allclose(np.exp(state.logprobs()), np.exp(rows[115]), atol=1e-9)


def test_a_sleep_is_as_long_as_the_calm_before_it() -> None:
    state, _, _ = one_and_a_useless_one("switching")
    state.push(TEXT[:40])
    calm = calm_bytes(state)
    assert 30 < calm <= 40
    slept = 0
    while np.exp(state.logprobs()).sum() and state.asleep == (1,):
        state.push(TEXT[40 + slept : 41 + slept])
        slept += 1
    assert slept == calm + 1
    assert calm_bytes(state) == calm + slept


def test_bytes_after_the_last_change_count_as_calm() -> None:
    state, _, _ = one_and_a_useless_one("switching")
    state.push(TEXT[:40])
    for k in range(40, 68):
        state.push(TEXT[k : k + 1])
    steps = state._trail  # pyright: ignore[reportPrivateUsage]
    assert len(steps) == 28
    # One row, fifth from the start of the sleep, would have been another.
    step, byte = steps[4]
    other = np.full(257, -np.inf)
    other[256] = 0.0
    wrong = (Step(step.rows, step.alive, other), byte)
    state._trail = (*steps[:4], wrong, *steps[5:])  # pyright: ignore[reportPrivateUsage]
    state.wake()
    assert calm_bytes(state) == 23
    assert state.largest_change > 0.9
    state.push(TEXT[68:69])
    assert state.asleep == (1,)


@pytest.mark.parametrize("combine", ["mean", "product", "switching"])
def test_a_byte_that_sleepers_alone_can_write_wakes_them(combine: Combine) -> None:
    narrow, wide = letters(b"ab", 0), letters(b"abc", 1)
    for members in ([narrow, wide], [wide, narrow]):
        state = ByteEnsemble(members, combine=combine, tolerance=0.9).open()
        exact = ByteEnsemble(members, combine=combine).open()
        assert isinstance(state, LazyEnsembleState)
        for byte in b"abba" * 10:
            for each in (state, exact):
                each.logprobs()
                each.push(bytes([byte]))
        assert state.asleep
        for each in (state, exact):
            each.push(b"c")
        np.testing.assert_allclose(np.exp(state.logprobs()), np.exp(exact.logprobs()), atol=1e-9)
        assert state.logprobs().max() > -np.inf


def test_sleepers_wake_when_the_others_have_died_of_a_prompt() -> None:
    members = [letters(b"ab", 0), letters(b"abc", 1)]
    lm = ByteEnsemble(members, combine="mean", weights=[0.9, 0.1], tolerance=0.2)
    exact = ByteEnsemble(members, combine="mean", weights=[0.9, 0.1])
    slept = lm.open(b"abba" * 10)
    assert isinstance(slept, LazyEnsembleState)
    assert slept.asleep == (1,)
    prompt = b"abba" * 10 + b"c"
    rows = [np.exp(model.open(prompt).logprobs()) for model in (lm, exact)]
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-9)
    assert rows[0].sum() == pytest.approx(1)


def test_a_row_without_mass_is_as_far_as_can_be() -> None:
    uniform, nothing = np.full(257, -np.log(257)), np.full(257, -np.inf)
    assert variation(uniform, nothing) == variation(nothing, uniform) == 1
    assert variation(uniform, uniform) == variation(nothing, nothing) == 0


def test_a_fork_sleeps_on_by_itself() -> None:
    state, exact, _ = opened("adaptive", 0.3)
    for k in range(40):
        state.push(TEXT[k : k + 1])
    assert state.asleep
    twin = state.fork()
    twin.push(b"b" * 3)
    for k in range(40, 45):
        state.push(TEXT[k : k + 1])
    state.wake()
    expected = exact.open(TEXT[:45]).logprobs()
    np.testing.assert_allclose(np.exp(state.logprobs()), np.exp(expected), atol=1e-9)
    twin.wake()
    expected = exact.open(TEXT[:40] + b"bbb").logprobs()
    np.testing.assert_allclose(np.exp(twin.logprobs()), np.exp(expected), atol=1e-9)


def test_members_that_are_alike_do_not_all_sleep() -> None:
    one = letters(b"ab", 0)
    state = ByteEnsemble([one, one], combine="mean", tolerance=0.01).open()
    assert isinstance(state, LazyEnsembleState)
    for k in range(60):
        np.testing.assert_allclose(state.logprobs(), one.next_byte_logprobs(TEXT[:k]), atol=1e-9)
        state.push(TEXT[k : k + 1])
        assert len(state.asleep) < 2


@pytest.mark.parametrize("tolerance", [-0.1, 1, float("nan"), "x"])
def test_a_tolerance_out_of_range_is_an_error(tolerance: Any) -> None:
    with pytest.raises(ArgumentError, match="tolerance"):
        ByteEnsemble([letters(b"ab", 0)], tolerance=tolerance)
