"""Texts of models of bytes are the same however far ahead they look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch: Any = pytest.importorskip("torch")
from tests.models.laws import TEXT, assert_close
from tests.models.toy_models import TOYS
from tokkit.models.text_models.glimpses import Glimpses

NAMES = ("hierarchical-paper+", "word-pooled")


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest) -> Any:
    (toy,) = (toy for toy in TOYS if toy.name == request.param)
    made = toy.made(torch.float64)
    made.glimpses = Eager()
    return made


class Eager(Glimpses):
    """Finds that every glance is worth its while."""

    def end(self, began: float, *, held: bool) -> None:
        """Count nothing."""


laws: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"temperature": st.sampled_from([0, 0.4, 1, 1.5]), "seed": st.integers(0, 99)},
    optional={
        "top_k": st.integers(1, 5),
        "top_p": st.sampled_from([0.5, 0.9]),
        "min_p": st.sampled_from([0.05, 0.3]),
        "repetition_penalty": st.sampled_from([0.5, 3.0]),
        "valid_utf8": st.booleans(),
        "stop": st.lists(st.sampled_from([b"a", b" ", b"e t"]), max_size=2),
    },
)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(law=laws, cut=st.integers(0, len(TEXT)))
def test_texts_are_the_same_with_and_without(model: Any, law: dict[str, Any], cut: int) -> None:
    options: dict[str, Any] = {"max_bytes": 12, **law}
    prompts = [TEXT[:cut], TEXT[cut:]]
    expected = [
        model.generate(prompt, speculate=False, **{**options, "seed": options["seed"] + k})
        for k, prompt in enumerate(prompts)
    ]
    assert model.generate(prompts[0], **options) == expected[0]
    assert b"".join(model.stream(prompts[0], **options)) == expected[0]
    assert model.generate_batch(prompts, **options) == expected


def test_what_is_known_without_a_pass_bounds_what_a_pass_says(model: Any) -> None:
    whole = np.exp(model.byte_logprobs(TEXT))
    n_known = 0
    for start in range(0, len(TEXT), 2):
        state = model.open(TEXT[:start])
        state.logprobs()
        for place in range(start + 1, min(start + 8, len(TEXT))):
            state.push(TEXT[place - 1 : place])
            bounds = state.bounds()
            if bounds is None:
                continue
            n_known += 1
            masses, slack, _ = bounds
            missing = whole[place] - masses
            assert missing.min() > -1e-12
            assert abs(missing.sum() - slack) < 1e-12
            assert not state.is_evaluated
    assert n_known > len(TEXT)


def test_prompts_that_are_read_through_cost_what_their_rows_say(model: Any) -> None:
    whole = model.byte_logprobs(TEXT)
    for cut in range(0, len(TEXT), 3):
        state = model.open(TEXT[:cut])
        passed = whole[np.arange(cut), list(TEXT[:cut])].sum()
        assert_close(model, state.prefix_logprob, passed, times=len(TEXT))
        state.push(TEXT[cut:])
        assert_close(model, state.logprobs(), whole[-1])


def test_glances_rest_where_they_save_nothing() -> None:
    glimpses = Glimpses()
    for _ in range(10):
        glimpses.read(1, 1e-9)  # a pass costs less than looking whether it may be left out
    n_glances = 0
    for _ in range(1000):
        began = glimpses.begin()
        if began is not None:
            n_glances += 1
            glimpses.end(began, held=True)
    assert n_glances < 100
    glimpses = Glimpses()
    for _ in range(10):
        glimpses.read(1, 1e3)
    for _ in range(100):
        began = glimpses.begin()
        assert began is not None
        glimpses.end(began, held=True)


def test_words_are_written_with_fewer_passes(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    n_passes: list[int] = []
    read = type(model).read_through

    def counted(self: Any, *arguments: Any) -> Any:
        n_passes[-1] += 1
        return read(self, *arguments)

    monkeypatch.setattr(type(model), "read_through", counted)
    for speculate in (False, True):
        n_passes.append(0)
        model.generate("the th", max_bytes=40, temperature=0, speculate=speculate)
    assert n_passes[1] < n_passes[0]
