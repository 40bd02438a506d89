"""What runs at the same time, what takes turns, and that it changes no number."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS, RandomLM, bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.ensemble import COMBINATIONS, ByteEnsemble
from tokkit.bytelm.side_by_side import CALLER, side_by_side
from tokkit.errors import ModelError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

WAIT = 20.0  # seconds; only a test that fails waits so long
texts = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=5).map(b"".join)
pairs = st.tuples(bpe_specs(PRETOKENIZERS["gpt2"]), bpe_specs(PRETOKENIZERS["llama3"]))
FEW = settings(max_examples=12, deadline=None, derandomize=True)


class AlongsideLM(RandomLM):
    """A model that leaves Python's lock to others; it notices two calls at the same time."""

    runs_alongside = True

    def __init__(self, tokenizer: TextTokenizer, seed: int = 0) -> None:
        super().__init__(tokenizer, seed)
        self._busy = threading.Lock()
        self.before: Callable[[], object] = lambda: None

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        assert self._busy.acquire(blocking=False), "two threads are in one model"
        try:
            self.before()
            return super().next_token_logprobs(contexts)
        finally:
            self._busy.release()


def letters(alphabet: bytes) -> TextTokenizer:
    tokens = (*(bytes([b]) for b in alphabet), b"")
    kinds = np.array([0] * len(alphabet) + [3], dtype=np.uint8)
    end = len(alphabet)
    return TextTokenizer(
        TokenizerSpec(alphabet.decode(), "bytes", tokens, kinds, {"<e>": end}, eos_ids=(end,))
    )


def meeting(n: int) -> Callable[[], int]:
    """To be called by n threads: none goes on before all are there."""
    return threading.Barrier(n, timeout=WAIT).wait


def test_tasks_that_share_nothing_meet() -> None:
    meet = meeting(3)
    assert sorted(side_by_side([meet] * 3, [("a",), ("b", "c"), (CALLER,)])) == [0, 1, 2]


def test_results_stand_in_the_order_of_tasks() -> None:
    parts = [("a",), ("b",), ("a",), (CALLER,), ("b",)]
    assert side_by_side([lambda k=k: k for k in range(5)], parts) == [0, 1, 2, 3, 4]
    assert side_by_side([], []) == []


@pytest.mark.parametrize(
    "parts",
    [
        [("a",)] * 3,
        [("a",), ("b",), ("a", "b")],
        [(CALLER, "a"), (CALLER,), ("a",)],
        [(), None, ()],
    ],
)
def test_tasks_with_a_part_in_common_are_done_in_turn_by_the_caller(parts: Any) -> None:
    done: list[tuple[int, threading.Thread]] = []
    tasks = [lambda k=k: done.append((k, threading.current_thread())) for k in range(3)]
    side_by_side(tasks, parts)
    assert done == [(k, threading.current_thread()) for k in range(3)]


def test_what_needs_the_caller_is_done_by_it() -> None:
    found = side_by_side([threading.current_thread] * 3, [("a",), ("b",), (CALLER,)])
    assert found[2] is threading.current_thread()
    assert len(set(found)) == 3


def test_the_first_error_is_raised_when_all_are_done() -> None:
    numbers = count()

    def fail(message: str) -> None:
        next(numbers)
        raise ModelError(message)

    tasks: list[Callable[[], object]] = [
        lambda: next(numbers),
        lambda: fail("second"),
        lambda: fail("third"),
    ]
    before = threading.active_count()
    for parts in ([("a",), ("b",), ("c",)], [("a",), ("b",), (CALLER,)]):
        with pytest.raises(ModelError, match="second"):
            side_by_side(tasks, parts)
    assert next(numbers) == 6
    assert threading.active_count() == before


def ensembles(lms: Sequence[RandomLM]) -> list[ByteModel]:
    members: list[ByteModel] = [ByteLM(lm) for lm in lms]
    flat: list[ByteModel] = [ByteEnsemble(members, combine=combine) for combine in COMBINATIONS]
    twice = ByteEnsemble([*members, members[0], ByteLM(lms[1])], weights=[4, 3, 2, 1])
    nested = ByteEnsemble([flat[0], members[1], flat[2]], combine="mean")
    everything = ByteEnsemble([ByteLM(lm, encodings="all", beam=4) for lm in lms])
    return [*flat, twice, nested, everything]


@pytest.mark.parametrize("which", range(6))
@FEW
@given(specs=pairs, prompts=st.lists(texts, min_size=1, max_size=3), data=texts)
def test_numbers_are_those_of_one_after_the_other(
    which: int, specs: tuple[TokenizerSpec, ...], prompts: list[bytes], data: bytes
) -> None:
    tokenizers = [TextTokenizer(spec) for spec in specs]
    model, in_turn = (
        ensembles([kind(tokenizer, seed) for seed, tokenizer in enumerate(tokenizers)])[which]
        for kind in (AlongsideLM, RandomLM)
    )
    np.testing.assert_array_equal(model.byte_logprobs(data), in_turn.byte_logprobs(data))
    assert model.logprob(data, prefix=prompts[0]) == in_turn.logprob(data, prefix=prompts[0])
    state, other = model.open(prompts[0]), in_turn.open(prompts[0])
    for k in range(len(data)):
        np.testing.assert_array_equal(state.logprobs(), other.logprobs())
        state.push(data[k : k + 1])
        other.push(data[k : k + 1])
    np.testing.assert_array_equal(state.fork().logprobs(), other.fork().logprobs())
    known = [p for p in prompts if in_turn.next_byte_logprobs(p).max() > -np.inf]
    batch = model.generate_batch(known, max_bytes=4, seed=1)
    assert batch == in_turn.generate_batch(known, max_bytes=4, seed=1)


QUESTIONS: dict[str, Callable[[ByteModel], object]] = {
    "next byte": lambda model: model.next_byte_logprobs(b"a"),
    "score": lambda model: model.byte_logprobs(b"ab"),
    "prefix": lambda model: model.open(b"ab").prefix_logprob,
    "fork": lambda model: model.open(b"a").fork(),
    "batch": lambda model: model.generate_batch([b"a", b"b"], max_bytes=1, seed=0),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("nested", [False, True])
def test_members_compute_at_the_same_time(question: str, nested: bool) -> None:
    lms = [AlongsideLM(letters(b"abc"), seed) for seed in range(3 if nested else 2)]
    meet = meeting(len(lms))
    for lm in lms:
        lm.before = meet
    members: list[ByteModel] = [ByteLM(lm) for lm in lms]
    model = ByteEnsemble([ByteEnsemble(members[:2]), members[2]] if nested else members)
    before = threading.active_count()
    QUESTIONS[question](model)
    assert threading.active_count() == before


def test_members_with_one_tokenizer_take_turns() -> None:
    tokenizer = letters(b"abc")
    model = ByteEnsemble([ByteLM(AlongsideLM(tokenizer, seed)) for seed in range(2)])
    threads: list[threading.Thread] = []
    for member in model.members:
        assert isinstance(member, ByteLM)
        assert isinstance(member.token_lm, AlongsideLM)
        member.token_lm.before = lambda: threads.append(threading.current_thread())
    model.byte_logprobs(b"ab")
    assert set(threads) == {threading.current_thread()}


def test_the_error_of_a_member_is_that_of_the_ensemble() -> None:
    lms = [AlongsideLM(letters(b"abc"), seed) for seed in range(3)]

    def fail() -> None:
        raise ModelError("the second member has failed")

    lms[1].before = fail
    model = ByteEnsemble([ByteLM(lm) for lm in lms])
    for question in QUESTIONS.values():
        with pytest.raises(ModelError, match="second member"):
            question(model)
    lms[1].before = lambda: None
    assert np.isfinite(model.logprob(b"ab"))
