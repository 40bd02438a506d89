"""Repetition control, by its definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.random_bytes import RandomBytes
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.drawing.repetition import Repetition
from tokkit.bytelm.drawing.sampling import Sampling

FEW = settings(max_examples=60, deadline=None, derandomize=True)
texts = st.lists(st.sampled_from(b"ab"), max_size=24).map(bytes)
CYCLE = b"Again and again. "


def longest_repeats(text: bytes) -> list[int]:
    """For each byte, the length of the longest end of text + byte that occurs in text."""
    ends = (
        (byte, (text + bytes([byte]))[-size:]) for byte in b"ab" for size in range(1, len(text) + 1)
    )
    repeats = [0] * 256
    for byte, end in ends:
        if end in text:
            repeats[byte] = max(repeats[byte], len(end))
    return repeats


@FEW
@given(prompt=texts, more=texts)
def test_repeats_are_the_longest_that_occurred(prompt: bytes, more: bytes) -> None:
    constraint = Repetition(prompt, Sampling(repetition_penalty=1))
    for byte in more:
        constraint.push(byte)
    found = constraint.repeats().tolist()
    assert found == longest_repeats(prompt + more)
    assert found == Repetition(prompt + more, Sampling(repetition_penalty=1)).repeats().tolist()


@FEW
@given(text=texts, length=st.integers(1, 6), penalty=st.floats(0, 5))
def test_bias_grows_with_the_repeat_beyond_the_free_length(
    text: bytes, length: int, penalty: float
) -> None:
    sampling = Sampling(repetition_penalty=penalty, repetition_length=length)
    bias = Repetition(text, sampling).bias()
    assert bias[END] == 0
    for byte, size in enumerate(longest_repeats(text)):
        assert bias[byte] == -penalty * max(0, size - length)


@FEW
@given(text=texts, n=st.integers(1, 6))
def test_no_repeat_forbids_exactly_the_ends_of_known_ngrams(text: bytes, n: int) -> None:
    bias = Repetition(text, Sampling(no_repeat_ngram=n)).bias()
    known = {text[k : k + n] for k in range(len(text) - n + 1)}
    for byte in range(256):
        ngram = (text + bytes([byte]))[-n:]
        assert (bias[byte] == -np.inf) == (len(ngram) == n and ngram in known)


@FEW
@given(text=texts, byte=st.sampled_from(b"ab"))
def test_forks_are_independent(text: bytes, byte: int) -> None:
    constraint = Repetition(text, Sampling(no_repeat_ngram=2))
    twin = constraint.fork()
    twin.push(byte)
    assert constraint.repeats().tolist() == longest_repeats(text)
    assert twin.repeats().tolist() == longest_repeats(text + bytes([byte]))


def looping(prefix: bytes) -> np.ndarray:
    """Five nats in favour of the cycle, then random preferences; never the end."""
    logits = np.random.default_rng(list(prefix[-3:])).uniform(0, 1, size=257)
    logits[CYCLE[len(prefix) % len(CYCLE)]] += 5
    logits[END] = -np.inf
    return logits


def longest_own_repeat(text: bytes) -> int:
    sizes = range(1, len(text))
    return max(
        (s for s in sizes if any(text[k : k + s] in text[k + 1 :] for k in range(len(text) - s))),
        default=0,
    )


def test_greedy_loops_run_on_without_control() -> None:
    text = RandomBytes(logits=looping).generate("", max_bytes=120, temperature=0)
    assert text == (CYCLE * 8)[:120]


def test_the_penalty_bounds_repeats_by_what_the_model_would_pay() -> None:
    # The repeat goes on while its penalty is below the advantage of at most 6 nats: 3 bytes.
    text = RandomBytes(logits=looping).generate(
        "", max_bytes=300, temperature=0, repetition_penalty=2, repetition_length=8
    )
    assert 8 <= longest_own_repeat(text) <= 8 + 3


def test_no_ngram_occurs_twice_in_prompt_and_completion() -> None:
    text = CYCLE + RandomBytes(logits=looping).generate(
        CYCLE, max_bytes=300, temperature=0, no_repeat_ngram=6
    )
    assert longest_own_repeat(text) == 5
