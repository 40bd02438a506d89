"""Laws of the beam over all encodings that is widened until it keeps a bound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.encodings import all_encodings_state
from tokkit.bytelm.encodings.all_encodings_state import AllEncodingsState
from tokkit.errors import ArgumentError, ModelError
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer


class SameEverywhere:
    """Independent tokens: a, aa and the end of text, with .5, .3 and .2."""

    eos_ids = (2,)

    def __init__(self) -> None:
        kinds = np.array([TokenKind.NORMAL] * 2 + [TokenKind.SPECIAL], dtype=np.uint8)
        spec = TokenizerSpec(
            "iid", "unigram", (b"a", b"aa", b""), kinds, {"<end>": 2}, scores=np.zeros(3)
        )
        self.tokenizer = TextTokenizer(spec)

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        return np.log(np.tile([0.5, 0.3, 0.2], (len(contexts), 1)))


def exact_next(length: int) -> tuple[float, float]:
    """P(a | length a's) and P(end | length a's): sums over all ways to cut them, by recursion."""
    ends = [1.0, 0.5]  # probability that tokens end after k a's
    for _ in range(length):
        ends.append(0.5 * ends[-1] + 0.3 * ends[-2])
    prefix = [ends[k] + (0.3 * ends[k - 1] if k else 0.0) for k in range(length + 2)]
    return prefix[length + 1] / prefix[length], 0.2 * ends[length] / prefix[length]


def state_of(model: ByteLM, length: int) -> AllEncodingsState:
    """The state after so many a's."""
    state = model.open("a" * length)
    assert isinstance(state, AllEncodingsState)
    return state


def test_a_bound_that_is_asked_for_is_reached() -> None:
    lm = SameEverywhere()
    narrow = state_of(ByteLM(lm, encodings="all", beam=1), 12)
    assert narrow.next_byte_bound > 0.01
    for bound in (0.05, 0.01, 1e-6):
        model = ByteLM(lm, encodings="all", beam=1, bound=bound)
        for length in (1, 5, 12):
            state = state_of(model, length)
            found = np.exp(state.logprobs())
            exact = exact_next(length)
            assert state.next_byte_bound <= bound
            assert abs(found[ord("a")] - exact[0]) <= bound
            assert abs(found[256] - exact[1]) <= bound
        steps = np.exp(model.byte_logprobs("a" * 12))[:12, ord("a")]
        exact_steps = [exact_next(length)[0] for length in range(12)]
        assert np.abs(steps - exact_steps).max() <= bound


def test_a_bound_holds_after_forks_and_pieces() -> None:
    model = ByteLM(SameEverywhere(), encodings="all", beam=1, bound=0.01)
    state = state_of(model, 4)
    twin = state.fork()
    twin.push("aaaaaa")
    twin.push("aa")
    assert twin.next_byte_bound <= 0.01 and state.next_byte_bound <= 0.01
    assert abs(np.exp(twin.logprobs()[256]) - exact_next(12)[1]) <= 0.01
    assert abs(np.exp(state.logprobs()[256]) - exact_next(4)[1]) <= 0.01


def test_a_bound_that_cannot_be_reached_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_encodings_state, "MAX_BEAM", 4)
    model = ByteLM(SameEverywhere(), encodings="all", beam=2, bound=1e-9)
    with pytest.raises(ModelError, match="does not bound what is left out by 1e-09"):
        model.open("a" * 12).logprobs()
    with pytest.raises(ModelError, match="allow a larger bound"):
        model.byte_logprobs("a" * 12)


@pytest.mark.parametrize(
    "options",
    [
        {"bound": 0.01},
        {"encodings": "all", "bound": 0},
        {"encodings": "all", "bound": 1.5},
        {"encodings": "all", "bound": "x"},
        {"encodings": "all", "bound": 0.01, "tolerance": 0.1},
    ],
)
def test_a_bound_without_sense_is_an_error(options: dict) -> None:
    with pytest.raises(ArgumentError):
        ByteLM(SameEverywhere(), **options)
