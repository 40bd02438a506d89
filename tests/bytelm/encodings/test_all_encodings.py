"""Laws of the sum over all encodings, over toy token models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bytelm.toy_models import (
    CHARACTERS,
    PRETOKENIZERS,
    SYMBOLS,
    RandomLM,
    bpe_specs,
    character_bpe_specs,
    unigram_specs,
    wordpiece_specs,
)
from tests.reference.all_encodings_reference import AllEncodingsOracle
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.encodings import all_encodings_state, known_text
from tokkit.bytelm.encodings.all_encodings_state import AllEncodingsState
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.errors import ArgumentError, EncodingError, ModelError
from tokkit.text.canonical.automaton import CanonicalAutomaton
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

WIDE = 1 << 20
RARE = (*CHARACTERS, b"\xc3", b"z")
LETTERS = (b"a", b"b", b" ")
FAMILIES = {
    "byte-level BPE": (bpe_specs(PRETOKENIZERS["gpt2"]), SYMBOLS),
    "BPE without splits": (bpe_specs(()), SYMBOLS),
    "character BPE": (character_bpe_specs(), RARE),
    "unigram": (unigram_specs(), RARE),
    "wordpiece": (wordpiece_specs(), LETTERS),
}
FEW = settings(
    max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
every_family = pytest.mark.parametrize("family", FAMILIES)


def draw(family: str, data: st.DataObject, max_size: int) -> tuple[TokenizerSpec, bytes]:
    """A tokenizer and a text."""
    specs, symbols = FAMILIES[family]
    texts = st.lists(st.sampled_from(symbols), max_size=max_size).map(b"".join)
    return data.draw(specs), data.draw(texts)


def with_control_token(spec: TokenizerSpec) -> TokenizerSpec:
    """The same, with one more token, which has no bytes and does not end a text."""
    kinds = np.array([*spec.kinds, TokenKind.SPECIAL], dtype=np.uint8)
    continuing = None if spec.continuing is None else np.array([*spec.continuing, False])
    scores = None if spec.scores is None else np.array([*spec.scores, 0.0])
    return replace(
        spec,
        token_bytes=(*spec.token_bytes, b""),
        kinds=kinds,
        special_tokens={**spec.special_tokens, "<control>": len(kinds) - 1},
        continuing=continuing,
        scores=scores,
    )


def open_all(token_lm: RandomLM | NgramLM, **options) -> AllEncodingsState:
    state = ByteLM(token_lm, encodings="all", **options).open()
    assert isinstance(state, AllEncodingsState)
    return state


def exact(oracle: AllEncodingsOracle, given: bytes, text: bytes) -> tuple[np.ndarray, float]:
    """The next-byte law and P(text ...), after a condition; zeros where there is no mass."""
    masses = oracle.symbol_masses(given + text)
    total = masses.sum()
    return masses / total if total else masses, total / oracle.prefix_mass(given)


@every_family
@FEW
@given(data=st.data())
def test_a_wide_beam_equals_brute_force(family: str, data: st.DataObject) -> None:
    spec, text = draw(family, data, 3)
    lm = RandomLM(TextTokenizer(with_control_token(spec)))
    oracle, given = AllEncodingsOracle(lm), lm.tokenizer.dummy_prefix
    state = open_all(lm, beam=WIDE)
    for k in range(len(text) + 1):
        law, total = exact(oracle, given, text[:k])
        assert abs(np.exp(state.logprobs()) - law).sum() / 2 < 1e-12
        assert np.exp(state.prefix_logprob) == pytest.approx(total, rel=1e-12)
        assert oracle.prefix_mass(given + text[:k]) == pytest.approx(
            oracle.symbol_masses(given + text[:k]).sum(), rel=1e-12
        )
        assert state.log_left_out == -np.inf
        assert state.next_byte_bound == 0
        state.push(text[k : k + 1])


@every_family
@FEW
@given(data=st.data(), beam=st.integers(1, 4), tolerance=st.sampled_from([0.0, 0.01, 0.2]))
def test_the_exact_value_lies_within_the_bounds_of_any_beam(
    family: str, data: st.DataObject, beam: int, tolerance: float
) -> None:
    spec, text = draw(family, data, 4)
    lm = RandomLM(TextTokenizer(spec))
    oracle = AllEncodingsOracle(lm)
    state = open_all(lm, beam=beam, tolerance=tolerance)
    for k in range(len(text) + 1):
        law, total = exact(oracle, lm.tokenizer.dummy_prefix, text[:k])
        low, high = np.exp(state.logprob_bounds)
        assert low * (1 - 1e-12) <= total <= high * (1 + 1e-12)
        if low:
            gap = abs(np.exp(state.logprobs()) - law).sum() / 2
            assert gap <= state.next_byte_bound + 1e-12
        state.push(text[k : k + 1])


@FEW
@given(spec=FAMILIES["byte-level BPE"][0], beam=st.integers(1, 3))
def test_the_law_of_a_sample_is_within_the_mass_dropped_on_the_way(
    spec: TokenizerSpec, beam: int
) -> None:
    lm = RandomLM(TextTokenizer(spec))
    oracle = AllEncodingsOracle(lm)
    n_bytes = 2
    laws = {"found": dict[bytes, float](), "expected": dict[bytes, float]()}
    dropped = 0.0

    def visit(state: AllEncodingsState, text: bytes, weight: float) -> None:
        nonlocal dropped
        if len(text) == n_bytes:
            laws["found"][text] = weight
            dropped += weight * state.dropped_mass
            return
        steps = np.exp(state.logprobs())
        dropped += weight * steps[256] * state.dropped_mass
        laws["found"][text + b"\xff"] = weight * steps[256]
        for byte in np.flatnonzero(steps[:256]).tolist():
            branch = state.fork()
            branch.push(bytes([byte]))
            visit(branch, text + bytes([byte]), weight * steps[byte])

    visit(open_all(lm, beam=beam), b"", 1.0)
    for size in range(n_bytes):
        for text in oracle.texts(size):
            laws["expected"][text + b"\xff"] = oracle.end_mass(text)
    for text in oracle.texts(n_bytes):
        laws["expected"][text] = oracle.prefix_mass(text)
    assert sum(laws["found"].values()) == pytest.approx(1)
    assert sum(laws["expected"].values()) == pytest.approx(1)
    outcomes = laws["found"].keys() | laws["expected"].keys()
    gaps = [abs(laws["found"].get(t, 0.0) - laws["expected"].get(t, 0.0)) for t in outcomes]
    assert sum(gaps) / 2 <= dropped + 1e-12


@every_family
@FEW
@given(data=st.data(), beam=st.sampled_from([1, 2, 3, WIDE]))
def test_steps_add_up_to_the_joint_but_for_what_was_left_out(
    family: str, data: st.DataObject, beam: int
) -> None:
    spec, text = draw(family, data, 8)
    state = open_all(RandomLM(TextTokenizer(spec)), beam=beam)
    steps = gain = 0.0
    for byte in text:
        steps += state.logprobs()[byte]
        if not np.isfinite(steps):
            return
        before = state.dropped_mass
        state.push(bytes([byte]))
        gain -= np.log1p(before - state.dropped_mass)
    assert steps == pytest.approx(state.prefix_logprob + gain, abs=1e-9)
    assert beam != WIDE or gain == 0


@every_family
@FEW
@given(data=st.data(), beam=st.sampled_from([1, 2, 4]))
def test_known_text_gives_the_same_as_byte_by_byte(
    family: str, data: st.DataObject, beam: int
) -> None:
    spec, text = draw(family, data, 12)
    cut = data.draw(st.integers(0, len(text)))
    lm = RandomLM(TextTokenizer(spec))
    state, grouped = open_all(lm, beam=beam), open_all(lm, beam=beam)
    grouped.push(text[:cut])
    rows = []
    for k in range(len(text) + 1):
        if k >= cut:
            rows.append(state.logprobs())
        state.push(text[k : k + 1])
    np.testing.assert_array_equal(grouped.score(text[cut:]), np.stack(rows))
    assert grouped.logprob_bounds == state.logprob_bounds
    assert grouped.dropped_mass == state.dropped_mass
    assert grouped.log_text_share == state.log_text_share


def trained() -> NgramLM:
    specs = TextTokenizer(
        TokenizerSpec(
            "words",
            "unigram",
            (b" ", b"a", b"c", b"e", b"h", b"s", b"t", b"at", b"cat", b" cat", b"the", b"he", b""),
            np.array([TokenKind.NORMAL] * 12 + [TokenKind.SPECIAL], dtype=np.uint8),
            {"<end>": 12},
            scores=np.array([-4.0] * 7 + [-3.5] * 5 + [0.0]),
            unk_score=-20.0,
            eos_ids=(12,),
        )
    )
    return NgramLM.train([LONG[:200], b"the cats sat"], specs, order=2)


LONG = b"the cat sat the cats heat the hat " * 8


def test_known_text_takes_few_model_calls() -> None:
    assert len(LONG) > all_encodings_state.WINDOW
    lm = trained()
    one_by_one, grouped = (open_all(lm, tolerance=0.05) for _ in range(2))
    for byte in LONG:
        one_by_one.push(bytes([byte]))
    grouped.push(LONG)
    assert grouped.prefix_logprob == pytest.approx(one_by_one.prefix_logprob, abs=1e-9)
    assert grouped.log_left_out == pytest.approx(one_by_one.log_left_out, abs=1e-9)
    assert grouped.n_calls < one_by_one.n_calls / 10
    assert grouped.n_evaluated < 1.5 * one_by_one.n_evaluated


def test_a_wrong_guess_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = trained()
    expected = open_all(lm, beam=3)
    expected.push(LONG[:90])

    def nonsense(self: TextTokenizer, data: bytes, *, normalize: bool) -> list[int]:
        raise EncodingError("no")

    monkeypatch.setattr(TextTokenizer, "encode", nonsense)
    monkeypatch.setattr(known_text, "_TRIAL_BYTES", 5)
    found = open_all(lm, beam=3)
    found.push(LONG[:90])
    assert found.logprob_bounds == expected.logprob_bounds


@FEW
@given(data=st.data(), beam=st.sampled_from([2, WIDE]))
def test_forks_are_independent(data: st.DataObject, beam: int) -> None:
    spec, text = draw("byte-level BPE", data, 8)
    lm = ByteLM(RandomLM(TextTokenizer(spec)), encodings="all", beam=beam)
    cut = data.draw(st.integers(0, len(text)))
    state = lm.open(text[:cut])
    twin = state.fork()
    twin.push(text[cut:])
    state.push(text[cut:][::-1])
    for branch, whole in ((twin, text), (state, text[:cut] + text[cut:][::-1])):
        fresh = lm.open(whole)
        np.testing.assert_array_equal(branch.logprobs(), fresh.logprobs())
        assert branch.prefix_logprob == fresh.prefix_logprob
        assert branch.dropped_mass == fresh.dropped_mass


class TightLM(RandomLM):
    """Gives mass only to canonical sequences."""

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        canonical = self.tokenizer.canonical
        rows = super().next_token_logprobs(contexts)
        for row, context in zip(rows, contexts, strict=True):
            state = CanonicalAutomaton.START
            for token in context:
                state = canonical.advance(state, token)
            allowed = canonical.mask(state).copy()
            allowed[list(self.eos_ids)] = canonical.may_end(state)
            row[~allowed] = -np.inf
            if allowed.any():
                row -= np.logaddexp.reduce(row)
        return rows


@every_family
@FEW
@given(data=st.data())
def test_both_semantics_agree_on_a_canonical_model(family: str, data: st.DataObject) -> None:
    spec, text = draw(family, data, 6)
    lm = TightLM(TextTokenizer(spec))
    every, canonical = open_all(lm, beam=WIDE), ByteLM(lm).open()
    for k in range(len(text) + 1):
        np.testing.assert_allclose(
            np.exp(every.logprobs()), np.exp(canonical.logprobs()), atol=1e-12
        )
        assert np.exp(every.prefix_logprob) == pytest.approx(
            np.exp(canonical.prefix_logprob), rel=1e-12
        )
        every.push(text[k : k + 1])
        canonical.push(text[k : k + 1])


@every_family
@FEW
@given(data=st.data())
def test_control_tokens_are_accounted_for_and_the_canonical_tokenization_is_no_more_likely(
    family: str, data: st.DataObject
) -> None:
    spec, text = draw(family, data, 3)
    lm = RandomLM(TextTokenizer(with_control_token(spec)))
    state = open_all(lm, beam=WIDE)
    state.push(text)
    if lm.tokenizer.dummy_prefix or state.prefix_logprob == -np.inf:
        return
    unmasked = AllEncodingsOracle(lm, conditioned=False).symbol_masses(text).sum()
    assert np.exp(state.prefix_logprob + state.log_text_share) == pytest.approx(unmasked, rel=1e-9)
    try:
        tokenization = ByteLM(lm).token_logprob(text)
    except EncodingError:
        return
    assert tokenization <= state.prefix_logprob + 1e-9


def test_a_token_that_ends_in_nothing_loses_its_mass() -> None:
    class Control(RandomLM):
        def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
            masses = np.array([[0.5, 0.5, 0.0, 0.0]] * len(contexts))
            for row, context in zip(masses, contexts, strict=True):
                if list(context)[-1:] == [1]:
                    row[:] = (0.0, 0.0, 0.0, 1.0)  # after "b" only a control token
            with np.errstate(divide="ignore"):
                return np.log(masses)

    kinds = np.array([0, 0, TokenKind.SPECIAL, TokenKind.SPECIAL], dtype=np.uint8)
    spec = TokenizerSpec(
        "ab", "bytes", (b"a", b"b", b"", b""), kinds, {"<end>": 2, "<c>": 3}, eos_ids=(2,)
    )
    lm = Control(TextTokenizer(spec))
    state = open_all(lm)
    state.push(b"ab")
    assert state.prefix_logprob == -np.inf
    assert state.logprobs().max() == -np.inf
    assert open_all(lm).logprobs()[ord("b")] == pytest.approx(np.log(0.5))
    with pytest.raises(ModelError, match="no mass"):
        ByteLM(lm, encodings="all").generate("b", max_bytes=1)


def test_a_condition_without_mass_leaves_none() -> None:
    kinds = np.array([0, TokenKind.SPECIAL], dtype=np.uint8)
    spec = TokenizerSpec(
        "a", "bytes", (b"a", b""), kinds, {"<end>": 1}, prefix_space="always", eos_ids=(1,)
    )
    state = open_all(RandomLM(TextTokenizer(spec)))
    assert state.logprob_bounds == (-np.inf, -np.inf)
    assert state.next_byte_bound == 0
    assert state.logprobs().max() == -np.inf


@FEW
@given(data=st.data())
def test_a_context_is_a_condition_and_not_text(data: st.DataObject) -> None:
    spec, text = draw("byte-level BPE", data, 6)
    lm = ByteLM(RandomLM(TextTokenizer(spec)), encodings="all", beam=4)
    context = [spec.eos_ids[0], 0, spec.eos_ids[0]]

    class After(RandomLM):
        def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
            return super().next_token_logprobs([[*context, *ids] for ids in contexts])

    expected = ByteLM(After(lm.token_lm.tokenizer), encodings="all", beam=4).open(text)
    found = lm.open_after(context, text)
    np.testing.assert_array_equal(found.logprobs(), expected.logprobs())
    assert found.prefix_logprob == expected.prefix_logprob


def test_byte_models_and_ensembles_work_unchanged() -> None:
    every = ByteLM(trained(), encodings="all")
    text = b"the cat sat"
    rows = every.byte_logprobs(text)
    assert rows.shape == (len(text) + 1, 257)
    np.testing.assert_allclose(np.logaddexp.reduce(rows, axis=1), 0, atol=1e-9)
    joint = every.logprob(text)
    state = every.open(text)
    assert isinstance(state, AllEncodingsState)
    assert joint == pytest.approx(state.prefix_logprob, abs=1e-12)
    assert every.logprob(text, end=True) == pytest.approx(joint + rows[-1, 256])
    assert every.generate("the c", max_bytes=2, temperature=0) == b"at"
    np.testing.assert_array_equal(
        [s.prefix_logprob for s in every.open_batch([b"the", b"a"])],
        [every.open(b"the").prefix_logprob, every.open(b"a").prefix_logprob],
    )
    both = ByteEnsemble([every, ByteLM(every.token_lm)])
    average = np.logaddexp(joint, ByteLM(every.token_lm).logprob(text)) - np.log(2)
    assert both.logprob(text) == pytest.approx(average)


@pytest.mark.parametrize(
    "options",
    [
        {"encodings": "any"},
        {"beam": 8},
        {"encodings": "canonical", "beam": 8},
        {"encodings": "all", "beam": 0},
        {"encodings": "all", "tolerance": 1.0},
    ],
)
def test_options_out_of_range_are_errors(options: dict) -> None:
    with pytest.raises(ArgumentError):
        ByteLM(trained(), **options)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_unusable_rows_are_an_error(value: float) -> None:
    class Broken(RandomLM):
        def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
            return np.full((len(contexts), self.tokenizer.vocab_size), value)

    class Short(RandomLM):
        def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
            return super().next_token_logprobs(contexts)[:, :-1]

    tokenizer = trained().tokenizer
    with pytest.raises(ModelError, match="NaN"):
        ByteLM(Broken(tokenizer), encodings="all").next_byte_logprobs("the")
    with pytest.raises(ModelError, match=r"\(1, 12\)"):
        ByteLM(Short(tokenizer), encodings="all").next_byte_logprobs("")
