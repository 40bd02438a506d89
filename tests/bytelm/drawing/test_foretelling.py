"""What is told of a symbol before everything is known is what the draw says then."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.drawing.speculation.shapes import SPECS
from tests.bytelm.toy_models import RandomLM
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.drawing.sampling import Sampler, Sampling
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FEW = settings(max_examples=100, deadline=None, derandomize=True)


@FEW
@given(
    seed=st.integers(0, 10_000),
    slack=st.sampled_from([0.0, 1e-12, 1e-3, 0.1, 0.5, 3.0]),
    temperature=st.sampled_from([0, 0.01, 0.7, 1, 2.5]),
)
def test_a_foretold_symbol_is_the_drawn_one_however_the_rest_falls(
    seed: int, slack: float, temperature: float
) -> None:
    generator = np.random.default_rng(seed)
    masses = generator.random(12) ** 4 * (generator.random(12) < 0.7)
    law = Sampling(temperature=temperature)
    told = Sampler(law, seed=seed).foretell(masses, slack)
    spread = [generator.dirichlet(np.full(12, 0.3)) for _ in range(8)]
    whole = [masses + slack * share for share in [*np.eye(12), *spread, np.zeros(12)]]
    with np.errstate(divide="ignore"):
        drawn = {Sampler(law, seed=seed).draw(np.log(m)) for m in whole if m.any()}
    assert told is None or drawn == {told}
    assert not (slack == 0 and masses.any() and temperature == 1) or told is not None


def test_what_is_not_foretold_is_drawn_with_the_same_number() -> None:
    logprobs = np.log([0.5, 0.3, 0.2])
    plain, asked = (Sampler(Sampling(), seed=5) for _ in range(2))
    for _ in range(50):
        told = asked.foretell(np.exp(logprobs), 0.2)
        assert plain.draw(logprobs) == (asked.draw(logprobs) if told is None else told)


def test_a_filter_foretells_nothing() -> None:
    for law in (Sampling(top_k=2), Sampling(top_p=0.9), Sampling(min_p=0.1)):
        assert Sampler(law, seed=0).foretell(np.array([1.0, 0.0]), 0.0) is None


@settings(FEW, max_examples=12)
@given(spec=SPECS, seed=st.integers(0, 99))
def test_bounds_hold_the_exact_masses(spec: TokenizerSpec, seed: int) -> None:
    lm = ByteLM(RandomLM(TextTokenizer(spec), seed))
    text = lm.generate("", max_bytes=8, seed=seed, speculate=False)
    state = lm.open()
    state.logprobs()
    for size, byte in enumerate(text, 1):
        state.push(bytes([byte]))
        assert isinstance(state, CoverState)
        bounds = state.bounds()
        if bounds is None:
            continue
        masses, slack = bounds
        exact = np.exp(lm.open(text[:size]).logprobs())
        total = masses.sum() + slack
        assert (masses / total <= exact + 1e-9).all()
        if masses.sum() > 0:
            assert (exact <= (masses + slack) / masses.sum() + 1e-9).all()
