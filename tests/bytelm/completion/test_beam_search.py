"""Beam search: exact when the beam is wide, greedy when it is one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokkit
from tests.bytelm.random_bytes import RandomBytes, RandomBytesState
from tests.bytelm.toy_models import RandomLM, bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.completion.beam_search import Beam, beam_search
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.errors import ArgumentError, ModelError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FEW = settings(max_examples=20, deadline=None, derandomize=True)
ALPHABET = b"a \xc3\xa9"
prompts = st.lists(st.sampled_from(ALPHABET), max_size=3).map(bytes)


def limited(seed: int, alphabet: bytes = ALPHABET) -> RandomBytes:
    """A model of few bytes."""
    other = np.array([byte not in alphabet for byte in range(256)] + [False])

    def logits(prefix: bytes) -> np.ndarray:
        row = 2 * np.random.default_rng([seed, *prefix]).normal(size=257)
        return np.where(other, -np.inf, row)

    return RandomBytes(logits=logits)


def all_beams(lm: ByteModel, prompt: bytes, max_bytes: int, alphabet: bytes) -> list[Beam]:
    """Every text of at most `max_bytes` bytes, scored from scratch."""
    beams = []
    for size in range(max_bytes + 1):
        for letters in product(alphabet, repeat=size):
            data = bytes(letters)
            if size == max_bytes:
                beams.append(Beam(data, lm.logprob(data, prefix=prompt), False))
            else:
                beams.append(Beam(data, lm.logprob(data, prefix=prompt, end=True), True))
    return [beam for beam in beams if beam.logprob > -np.inf]


def assert_same(found: list[Beam], expected: list[Beam]) -> None:
    """Equal but for rounding, which may also swap beams of one score."""
    by_text = {(beam.data, beam.ended): beam.logprob for beam in expected}
    assert len(found) == len(by_text)
    for beam in found:
        assert beam.logprob == pytest.approx(by_text[beam.data, beam.ended], abs=1e-9)


def score(beam: Beam, length_penalty: float) -> float:
    return beam.logprob / max(1, len(beam.data) + beam.ended) ** length_penalty


@FEW
@given(prompt=prompts, seed=st.integers(0, 99), length_penalty=st.floats(-1, 2))
def test_a_wide_beam_finds_every_text_in_order(
    prompt: bytes, seed: int, length_penalty: float
) -> None:
    lm = limited(seed)
    found = beam_search(lm, prompt, max_bytes=3, n_beams=200, length_penalty=length_penalty)
    assert_same(found, all_beams(lm, prompt, 3, ALPHABET))
    scores = [score(beam, length_penalty) for beam in found]
    assert scores == sorted(scores, reverse=True)


@FEW
@given(spec=bpe_specs(()))
def test_a_wide_beam_over_tokens_equals_exhaustive_search(spec: TokenizerSpec) -> None:
    lm = ByteLM(RandomLM(TextTokenizer(spec)))
    alphabet = bytes({byte for token in spec.token_bytes for byte in token})
    found = beam_search(lm, "", max_bytes=2, n_beams=200)
    assert_same(found, all_beams(lm, b"", 2, alphabet))


@FEW
@given(specs=st.tuples(bpe_specs(()), bpe_specs(())), n_beams=st.integers(1, 6))
def test_evaluating_beams_together_changes_nothing(
    specs: tuple[TokenizerSpec, TokenizerSpec], n_beams: int
) -> None:
    members = [ByteLM(RandomLM(TextTokenizer(spec))) for spec in specs]

    class Opaque(ByteModel):
        """A model of an unknown kind: its states evaluate themselves."""

        name = "opaque"

        def __init__(self, lm: ByteModel) -> None:
            self.lm = lm

        def open(self, prefix: str | bytes = b"") -> RandomBytesState:
            return RandomBytes(logits=self.lm.next_byte_logprobs).open(prefix)

    for lm in (members[0], ByteEnsemble(members)):
        found = beam_search(lm, "", max_bytes=4, n_beams=n_beams)
        assert_same(found, beam_search(Opaque(lm), "", max_bytes=4, n_beams=n_beams))


@FEW
@given(
    prompt=prompts,
    seed=st.integers(0, 99),
    max_bytes=st.integers(0, 8),
    length_penalty=st.floats(-1, 2),
)
def test_one_beam_is_greedy(
    prompt: bytes, seed: int, max_bytes: int, length_penalty: float
) -> None:
    lm = limited(seed)
    greedy = lm.generate(prompt, max_bytes=max_bytes, temperature=0, stop=["a "])
    (beam,) = beam_search(
        lm, prompt, max_bytes=max_bytes, n_beams=1, length_penalty=length_penalty, stop=["a "]
    )
    assert beam.data == greedy
    assert beam.ended or len(beam.data) == max_bytes


@FEW
@given(seed=st.integers(0, 99))
def test_a_stop_string_is_scored_and_left_out(seed: int) -> None:
    lm = limited(seed)
    found = beam_search(lm, "", max_bytes=3, n_beams=300, stop=[" "])
    stopped = [beam for beam in found if beam.ended and b" " not in beam.data]
    assert not [beam for beam in found if b" " in beam.data]
    for beam in stopped:
        ends = [lm.logprob(beam.data, end=True), lm.logprob(beam.data + b" ")]
        assert min(abs(beam.logprob - end) for end in ends) < 1e-9


@FEW
@given(seed=st.integers(0, 99), prompt=st.sampled_from([b"", b"\xc3", b"a"]))
def test_valid_utf8_keeps_exactly_the_texts_that_decode(seed: int, prompt: bytes) -> None:
    lm = limited(seed)
    found = beam_search(lm, prompt, max_bytes=3, n_beams=300, valid_utf8=True)

    def decodes(data: bytes) -> bool:
        return (prompt + data).decode(errors="replace").encode() == prompt + data

    assert_same(found, [beam for beam in all_beams(lm, prompt, 3, ALPHABET) if decodes(beam.data)])


def test_a_character_that_does_not_fit_is_not_begun() -> None:
    lm = limited(0)
    assert beam_search(lm, b"\xc3", max_bytes=0, valid_utf8=True) == [Beam(b"", 0.0, False)]
    for beam in beam_search(lm, b"", max_bytes=1, n_beams=9, valid_utf8=True):
        assert beam.data in (b"", b"a", b" ")


def test_a_pattern_ranks_by_the_probability_of_the_model() -> None:
    pytest.importorskip("llguidance", reason="needs the constrained extra")
    lm = limited(5)
    found = beam_search(lm, "", max_bytes=9, n_beams=50, pattern="(a|é)[a ]")
    texts = [head + tail for head, tail in product((b"a", "é".encode()), (b"a", b" "))]
    expected = sorted((lm.logprob(text), text) for text in texts)[::-1]
    assert [beam.data for beam in found] == [text for _, text in expected]
    np.testing.assert_allclose([beam.logprob for beam in found], [row[0] for row in expected])
    assert all(beam.ended for beam in found)


def test_nothing_permitted_is_an_error() -> None:
    pytest.importorskip("llguidance", reason="needs the constrained extra")
    with pytest.raises(ModelError, match="no mass to any text"):
        beam_search(limited(0), "", max_bytes=3, pattern="axe")


def test_a_prompt_without_mass_is_an_error() -> None:
    lm = RandomBytes(logits=lambda prefix: np.full(257, -np.inf))
    with pytest.raises(ModelError, match="no mass"):
        beam_search(lm, "x", max_bytes=1)


@pytest.mark.parametrize(
    "options",
    [
        {"max_bytes": -1},
        {"max_bytes": 1, "n_beams": 0},
        {"max_bytes": 1, "length_penalty": float("nan")},
        {"max_bytes": 1, "stop": [""]},
        {"max_bytes": 1, "stop": [b"\xa9"], "valid_utf8": True},
    ],
)
def test_options_out_of_range_are_errors(options: dict) -> None:
    with pytest.raises(ArgumentError):
        beam_search(limited(0), "", **options)


def test_the_search_is_a_public_name() -> None:
    assert tokkit.beam_search is beam_search
