"""What is told of a symbol before everything is known is what the draw says then."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.completion.fim_toys import all_bytes_with
from tests.bytelm.drawing.speculation.shapes import SPECS
from tests.bytelm.toy_models import RandomLM
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.drawing.sampling import Sampler, Sampling
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.token_models.ngram import NgramLM
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


def assert_bounds_hold(lm: ByteModel, seed: int) -> None:
    """At each byte of a text that is not asked for but at its start."""
    text = lm.generate("", max_bytes=8, seed=seed, speculate=False)
    state = lm.open()
    state.logprobs()
    for size, byte in enumerate(text, 1):
        state.push(bytes([byte]))
        bounds = state.bounds()
        if bounds is None:
            continue
        masses, slack, log_unit = bounds
        asked = lm.open(text[:size])
        exact = np.exp(asked.logprobs())
        total = masses.sum() + slack
        assert (masses / total <= exact + 1e-9).all()
        if masses.sum() > 0:
            assert (exact <= (masses + slack) / masses.sum() + 1e-9).all()
        joint = np.exp(asked.prefix_logprob - log_unit) * exact
        assert (masses <= joint * (1 + 1e-9)).all()
        assert (joint <= (masses + slack) * (1 + 1e-9)).all()


@settings(FEW, max_examples=12)
@given(spec=SPECS, seed=st.integers(0, 99))
def test_bounds_hold_the_exact_masses(spec: TokenizerSpec, seed: int) -> None:
    assert_bounds_hold(ByteLM(RandomLM(TextTokenizer(spec), seed)), seed)


@settings(FEW, max_examples=8)
@given(specs=st.tuples(SPECS, SPECS), seed=st.integers(0, 99), weight=st.sampled_from([0.01, 1]))
def test_bounds_of_a_mixture_hold_its_exact_masses(
    specs: tuple[TokenizerSpec, ...], seed: int, weight: float
) -> None:
    members = [ByteLM(RandomLM(TextTokenizer(spec), seed + k)) for k, spec in enumerate(specs)]
    inner = ByteEnsemble(members, weights=[weight, 1])
    assert_bounds_hold(inner, seed)
    assert_bounds_hold(ByteEnsemble([members[0], inner]), seed)


def test_a_mixture_tells_of_a_byte_inside_a_token_before_its_members_are_asked() -> None:
    text = "there is a house, and there is a garden. " * 4
    tokenizer = TextTokenizer(all_bytes_with(b"there", b" there", b" house", b" garden"))
    members = [ByteLM(NgramLM.train([text], tokenizer, order=order)) for order in (2, 3)]
    state = ByteEnsemble(members).open(" is a")
    state.logprobs()
    state.push(b" ")
    state.logprobs()
    state.push(b"gar")
    bounds = state.bounds()
    assert bounds is not None
    assert not state.is_evaluated
    assert int(bounds.masses.argmax()) == ord("d")
    assert bounds.slack < 0.1 * bounds.masses.max()
    assert state.foretells
    assert not ByteEnsemble(members, combine="product").open().foretells
    assert not ByteEnsemble(members, tolerance=0.1).open().foretells
