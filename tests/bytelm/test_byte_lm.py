"""Laws of byte-level models over toy token models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS, RandomLM, bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.errors import ArgumentError, EncodingError, ModelError
from tokkit.text.spec import MergeTable, TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

texts = st.lists(st.sampled_from(SYMBOLS), max_size=12).map(b"".join)
specs = bpe_specs(PRETOKENIZERS["gpt2"])
FEW = settings(max_examples=30, deadline=None, derandomize=True)


def byte_lm(spec: TokenizerSpec, **options) -> ByteLM:
    return ByteLM(RandomLM(TextTokenizer(spec)), **options)


@FEW
@given(spec=specs, text=texts, data=st.data())
def test_scoring_equals_pushing_byte_by_byte(
    spec: TokenizerSpec, text: bytes, data: st.DataObject
) -> None:
    lm = byte_lm(spec)
    cut = data.draw(st.integers(0, len(text)))
    rows = lm.byte_logprobs(text[cut:], prefix=text[:cut])
    for k in range(cut, len(text) + 1):
        np.testing.assert_allclose(
            np.exp(rows[k - cut]), np.exp(lm.next_byte_logprobs(text[:k])), atol=1e-13
        )


@FEW
@given(spec=specs, text=texts)
def test_chain_rule(spec: TokenizerSpec, text: bytes) -> None:
    lm = byte_lm(spec)
    rows = lm.byte_logprobs(text)
    steps = rows[np.arange(len(text)), list(text)]
    joint = lm.logprob(text, end=True)
    if np.isfinite(joint):
        assert steps.sum() + rows[-1, 256] == pytest.approx(joint, abs=1e-9)
    else:
        assert not np.isfinite(steps.sum() + rows[-1, 256])


@FEW
@given(spec=specs, text=texts, data=st.data())
def test_forks_are_independent(spec: TokenizerSpec, text: bytes, data: st.DataObject) -> None:
    lm = byte_lm(spec)
    cut = data.draw(st.integers(0, len(text)))
    state = lm.open(text[:cut])
    if data.draw(st.booleans()):
        state.logprobs()
    twin = state.fork()
    twin.push(text[cut:])
    state.push(text[cut:][::-1])
    for branch, whole in ((twin, text), (state, text[:cut] + text[cut:][::-1])):
        np.testing.assert_allclose(
            np.exp(branch.logprobs()), np.exp(lm.next_byte_logprobs(whole)), atol=1e-13
        )
        fresh = lm.open(whole)
        assert np.exp(branch.prefix_logprob) == pytest.approx(np.exp(fresh.prefix_logprob))


@FEW
@given(spec=specs, batch=st.lists(texts, max_size=4))
def test_a_batch_equals_its_prompts_alone(spec: TokenizerSpec, batch: list[bytes]) -> None:
    lm = byte_lm(spec)
    for state, text in zip(lm.open_batch(batch), batch, strict=True):
        np.testing.assert_array_equal(state.logprobs(), lm.next_byte_logprobs(text))


@FEW
@given(spec=specs, text=texts)
def test_tolerance_stays_within_the_bound_that_it_reports(spec: TokenizerSpec, text: bytes) -> None:
    exact, rough = byte_lm(spec).open(), byte_lm(spec, tolerance=0.05).open()
    for k in range(len(text)):
        if not np.isfinite(exact.logprobs().max()):
            return
        state = byte_lm(spec, tolerance=0.05).open(text[:k])
        difference = abs(np.exp(state.logprobs()) - np.exp(exact.logprobs())).sum() / 2
        assert difference <= state.dropped_mass + 1e-12
        exact.push(text[k : k + 1])
        rough.push(text[k : k + 1])


class CountingLM(RandomLM):
    """Counts the contexts that it is asked about."""

    n_asked = 0

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        self.n_asked += len(contexts)
        return super().next_token_logprobs(contexts)


def test_tolerance_lets_go_of_a_light_head_before_the_model_is_asked() -> None:
    # A space after a newline goes on with the white space, or begins the next word.
    tokens = (b"\n", b" ", b"a", b"\n ", b"")
    spec = TokenizerSpec(
        name="lookahead",
        family="bpe",
        token_bytes=tokens,
        kinds=np.array([0, 0, 0, 0, 3], dtype=np.uint8),
        special_tokens={"<end>": 4},
        merges=MergeTable(*(np.array([k], dtype=np.int32) for k in (0, 1, 3, 0))),
        splits=PRETOKENIZERS["gpt2"],
        eos_ids=(4,),
    )
    asked: dict[float, int] = {}
    for tolerance in (0.0, 0.5):
        token_lm = CountingLM(TextTokenizer(spec))
        state = ByteLM(token_lm, tolerance=tolerance).open(b"\n")
        state.logprobs()
        state.push(b" ")
        before = token_lm.n_asked
        state.logprobs()
        asked[tolerance] = token_lm.n_asked - before
        assert (state.dropped_mass > 0) == (tolerance > 0)
    assert asked == {0.0: 2, 0.5: 1}


class ConstantLM(RandomLM):
    """Returns what it is told to."""

    def __init__(self, tokenizer: TextTokenizer, row: Any) -> None:
        super().__init__(tokenizer)
        self.row = np.array(row)

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        return np.tile(self.row, (len(contexts), 1))


def plain_bytes() -> TextTokenizer:
    kinds = np.array([0] * 256 + [3], dtype=np.uint8)
    tokens = (*(bytes([b]) for b in range(256)), b"")
    return TextTokenizer(
        TokenizerSpec("bytes", "bytes", tokens, kinds, {"<end>": 256}, eos_ids=(256,))
    )


def test_plain_bytes_are_passed_through() -> None:
    logits = np.random.default_rng(0).normal(size=257)
    lm = ByteLM(ConstantLM(plain_bytes(), logits))
    expected = logits - np.log(np.exp(logits).sum())
    np.testing.assert_allclose(lm.next_byte_logprobs(b"\xff\x00"), expected)


def test_nan_from_the_model_is_an_error() -> None:
    lm = ByteLM(ConstantLM(plain_bytes(), [np.nan] * 257))
    with pytest.raises(ModelError, match="NaN"):
        lm.next_byte_logprobs(b"a")


def test_rows_of_the_wrong_width_are_an_error() -> None:
    lm = ByteLM(ConstantLM(plain_bytes(), [0.0] * 200))
    with pytest.raises(ModelError, match=r"\(2, 200\)"):
        lm.next_byte_logprobs(b"a")


def test_end_ids_outside_the_vocabulary_are_an_error() -> None:
    token_lm = RandomLM(plain_bytes())
    token_lm.eos_ids = (999,)
    with pytest.raises(ModelError, match="999"):
        ByteLM(token_lm)


@pytest.mark.parametrize("options", [{"encodings": "some"}, {"tolerance": -1}, {"tolerance": 1}])
def test_options_out_of_range_are_errors(options: dict) -> None:
    with pytest.raises(ArgumentError):
        ByteLM(RandomLM(plain_bytes()), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"max_bytes": -1},
        {"max_bytes": 1 << 40},
        {"max_bytes": 1, "temperature": float("nan")},
        {"max_bytes": 1, "top_p": 0},
        {"max_bytes": 1, "stop": [""]},
        {"max_bytes": 1, "seed": -1},
    ],
)
def test_generation_options_out_of_range_are_errors(options: dict) -> None:
    with pytest.raises(ArgumentError):
        ByteLM(RandomLM(plain_bytes())).generate("a", **options)


def test_empty_prompt_and_zero_bytes_are_fine() -> None:
    lm = ByteLM(RandomLM(plain_bytes()))
    assert lm.generate("", max_bytes=0) == b""
    assert lm.logprob(b"") == 0.0
    assert len(lm.byte_logprobs(b"")) == 1


def test_the_same_seed_gives_the_same_text() -> None:
    lm = ByteLM(RandomLM(plain_bytes()))
    options: dict[str, Any] = {"max_bytes": 20, "temperature": 0.7, "top_p": 0.9, "seed": 5}
    assert lm.generate("ab", **options) == lm.generate("ab", **options)
    assert b"".join(lm.stream("ab", **options)) == lm.generate("ab", **options)


def test_a_prompt_without_mass_is_an_error() -> None:
    tokens = (b"a", b"")
    spec = TokenizerSpec(
        "a", "bytes", tokens, np.array([0, 3], dtype=np.uint8), {"<end>": 1}, eos_ids=(1,)
    )
    lm = ByteLM(RandomLM(TextTokenizer(spec)))
    with pytest.raises(ModelError, match="no mass"):
        lm.generate("b", max_bytes=1)
    assert lm.logprob("b") == -np.inf


@FEW
@given(spec=specs, text=texts)
def test_a_context_is_a_condition_and_not_text(spec: TokenizerSpec, text: bytes) -> None:
    lm = byte_lm(spec)
    context = [spec.eos_ids[0], 0, spec.eos_ids[0]]

    class After(RandomLM):
        def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
            return super().next_token_logprobs([[*context, *ids] for ids in contexts])

    expected = ByteLM(After(lm.token_lm.tokenizer)).open(text)
    found = lm.open_after(context, text)
    np.testing.assert_array_equal(found.logprobs(), expected.logprobs())
    assert found.prefix_logprob == expected.prefix_logprob
    assert lm.open_after(context).prefix_logprob == pytest.approx(0, abs=1e-12)


@FEW
@given(spec=specs)
def test_a_context_outside_the_vocabulary_is_refused(spec: TokenizerSpec) -> None:
    with pytest.raises(EncodingError, match="outside the vocabulary"):
        byte_lm(spec).open_after([spec.vocab_size])
