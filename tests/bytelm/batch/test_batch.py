"""Texts that come and go at random are the texts that each request gives alone."""

from __future__ import annotations

import gc
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.completion.fim_toys import WORDS, all_bytes_with, with_format
from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS, RandomLM, ab_lm, bpe_specs
from tokkit.bytelm.batch.batch import Batch, BatchOptions
from tokkit.bytelm.batch.opening import PIECE
from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.batch.task import Handle
from tokkit.bytelm.batch.token_ends import TokenEnds
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.completion.fim_formats import FIM_FORMATS
from tokkit.bytelm.completion.infilling import infill
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.speculation.options import SpeculationOptions
from tokkit.bytelm.ensemble import ByteEnsemble, Combine
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.errors import ArgumentError, ModelError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

pairs = st.tuples(bpe_specs(PRETOKENIZERS["gpt2"]), bpe_specs(PRETOKENIZERS["llama3"]))
FEW = settings(max_examples=4, deadline=None, derandomize=True)
NOTHING_AHEAD = SpeculationOptions(row_cost=1e9)
"""Nothing is proposed, but bytes may be drawn without a pass."""


class NotingLM(RandomLM):
    """Notes the contexts that it is asked about."""

    def __init__(self, tokenizer: TextTokenizer, seed: int = 0) -> None:
        super().__init__(tokenizer, seed)
        self.asked: list[tuple[int, ...]] = []

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        self.asked += map(tuple, contexts)
        return super().next_token_logprobs(contexts)


def models(specs: Sequence[TokenizerSpec]) -> list[ByteModel]:
    members = [ByteLM(RandomLM(TextTokenizer(spec), k)) for k, spec in enumerate(specs)]
    combinations: tuple[Combine, ...] = ("mixture", "mean", "product", "switching", "adaptive")
    nested = ByteEnsemble([ByteEnsemble(members), members[0]], combine="mean")
    leaky = ByteLM(members[0].token_lm, tolerance=0.05)
    every = ByteLM(members[0].token_lm, encodings="all", beam=3)
    ensembles = [ByteEnsemble(members, combine=c) for c in combinations]
    return [members[0], *ensembles, nested, leaky, every]


def some_requests(chance: random.Random, n: int) -> list[Request]:
    beginnings = [b"".join(chance.choices(SYMBOLS, k=chance.randrange(7))) for _ in range(3)]
    return [
        Request(
            chance.choice(beginnings) + b"".join(chance.choices(SYMBOLS, k=chance.randrange(4))),
            max_bytes=chance.randrange(7),
            seed=chance.randrange(99),
            stop=chance.choice([(), (b"aa",), (b"a", b"\n1")]),
            temperature=chance.choice([0, 0.7, 1]),
            top_k=chance.choice([None, 3]),
            no_repeat_ngram=chance.choice([None, 3]),
        )
        for _ in range(n)
    ]


def run(batch: Batch, requests: Sequence[Request], chance: random.Random, **options: Any) -> Any:
    """Texts by handle; requests come at random, and a few are dropped."""
    texts: dict[Handle, bytes] = {}
    coming, dropped = list(requests), set[Handle]()
    while coming or batch.n_running or batch.n_waiting:
        while coming and chance.random() < 0.5:
            texts[batch.add(coming.pop(0), **options)] = b""
        for handle, data, finish in batch.step():
            assert handle not in dropped
            assert (finish is None) == (handle.finish is None)
            texts[handle] += data
        under_way = [handle for handle in texts if handle.finish is None]
        if under_way and chance.random() < 0.05:
            dropped.add(handle := chance.choice(under_way))
            batch.drop(handle)
            del texts[handle]
    return texts


@pytest.mark.parametrize("which", range(9))
@FEW
@given(specs=pairs, seed=st.integers(0, 99), newest_first=st.booleans())
def test_texts_that_come_and_go_are_those_of_each_request_alone(
    which: int, specs: tuple[TokenizerSpec, ...], seed: int, newest_first: bool
) -> None:
    chance = random.Random(seed)
    lm = models(specs)[which]
    options = BatchOptions(max_running=8, max_prefixes=4, newest_first=newest_first)
    kept = {"keep_logprobs": chance.random() < 0.5}
    texts = run(Batch(lm, options=options), some_requests(chance, 32), chance, **kept)
    for handle, text in texts.items():
        if handle.finish == "error":
            with pytest.raises(ModelError):
                list(lm.draw(handle.request))
            continue
        assert text == b"".join(lm.draw(handle.request))
        if handle.keep_logprobs:
            assert len(handle.logprobs) == len(text)
        else:
            with pytest.raises(ArgumentError, match="keep_logprobs"):
                _ = handle.logprobs


@pytest.mark.parametrize("order", [2, 4])
def test_bytes_are_drawn_without_a_pass_where_nobody_asks_what_each_was_worth(order: int) -> None:
    text = "there is a house, and there is a garden. " * 4
    tokenizer = TextTokenizer(all_bytes_with(b"there", b" there", b" house", b" garden"))
    lm = ByteLM(NgramLM.train([text], tokenizer, order=order))
    requests = [Request(" is a", max_bytes=40, seed=k, speculate=NOTHING_AHEAD) for k in range(4)]

    def n_steps(**options: Any) -> int:
        batch = Batch(lm)
        handles = [batch.add(request, **options) for request in requests]
        n = 0
        while batch.n_running or batch.n_waiting:
            batch.step()
            n += 1
        for handle in handles:
            assert handle.text == b"".join(lm.draw(handle.request))
            assert handle.token_ends[-1] == len(handle.text)
        return n

    assert n_steps() < 0.7 * n_steps(keep_logprobs=True)


@FEW
@given(specs=pairs, seed=st.integers(0, 99))
def test_tokens_are_the_same_whether_passes_were_made_or_not(
    specs: tuple[TokenizerSpec, ...], seed: int
) -> None:
    lm = models(specs)[seed % 2]
    requests = some_requests(random.Random(seed), 12)
    found: list[dict[Request, list[int]]] = []
    for keep_logprobs in (False, True):
        batch = Batch(lm)
        handles = [batch.add(request, keep_logprobs=keep_logprobs) for request in requests]
        while batch.n_running or batch.n_waiting:
            batch.step()
        found.append({handle.request: list(handle.token_ends) for handle in handles})
    assert found[0] == found[1]


def test_a_text_after_ids_is_not_taken_for_one_that_begins_there() -> None:
    lm = ByteLM(RandomLM(TextTokenizer(all_bytes_with(b"ab", b"abab"))))
    batch = Batch(lm)
    context = Surroundings(context=(97, 98))
    asked = [Request("ab", max_bytes=9, seed=k) for k in range(3)]
    after = [batch.add(request, surroundings=context) for request in asked]
    while batch.n_running or batch.n_waiting:
        batch.step()
    plain = [batch.add(Request(b"ab" + h.text, max_bytes=9, seed=7)) for h in after]
    while batch.n_running or batch.n_waiting:
        batch.step()
    for handle in plain:
        assert handle.text == b"".join(lm.draw(handle.request))


def test_what_members_slept_through_is_not_gone_on_from() -> None:
    members = [ByteLM(RandomLM(TextTokenizer(WORDS), k)) for k in range(2)]
    lm = ByteEnsemble(members, combine="adaptive", tolerance=0.5)

    def drawn(batch: Batch, text: bytes) -> Handle:
        handle = batch.add(Request(text, max_bytes=12, seed=len(text)), keep_rows=True)
        while batch.n_running or batch.n_waiting:
            batch.step()
        return handle

    batch, text = Batch(lm), b"abba " * 5
    for _ in range(3):
        rows = drawn(batch, text).rows
        alone = drawn(Batch(lm), text)
        np.testing.assert_allclose(np.exp(rows), np.exp(alone.rows), atol=1e-9)
        text += alone.text
    assert len(text) > 40


@pytest.mark.parametrize("max_tokens", [None, 6])
def test_tokens_are_those_of_the_first_member_even_where_it_slept(max_tokens: int | None) -> None:
    members = [ByteLM(RandomLM(TextTokenizer(WORDS), k)) for k in (1, 0)]
    lm = ByteEnsemble(members, combine="adaptive", tolerance=0.9)
    batch = Batch(lm)
    handle = batch.add(Request("abba ", max_bytes=45, seed=3), max_tokens=max_tokens)
    whole = b"".join(lm.draw(handle.request))
    while batch.n_running or batch.n_waiting:
        batch.step()
    single = members[0].open("abba ")
    ends = TokenEnds(single)
    single.push(whole)
    expected = ends.final(whole, len(whole))[:max_tokens]
    assert len(expected) == (max_tokens or 7)
    assert handle.token_ends == expected
    assert handle.text == whole[: expected[-1]]


def test_proposals_have_room_of_their_own() -> None:
    text = "there is a house, and there is a garden. " * 4
    lm = ByteLM(NgramLM.train([text], TextTokenizer(all_bytes_with(b"there", b" is")), order=3))
    eager = SpeculationOptions(max_rows=512, row_cost=0.0)
    batch = Batch(lm, max_tokens=1024, options=BatchOptions(max_proposed=40))
    handles = [
        batch.add(Request(text[:60], max_bytes=30, seed=k, speculate=eager)) for k in range(4)
    ]
    tokens = 0
    while batch.n_running or batch.n_waiting:
        batch.step()
        tokens = max(tokens, batch.n_tokens)
    # Prompt and texts, a token a byte at most, and the heads that further bytes decide upon.
    assert tokens <= 60 + 4 * 30 + 40 + 40
    held = batch.n_tokens
    batch.add(Request(text[:60], max_bytes=1, seed=0))
    batch.step()
    assert handles[0].finish and batch.n_tokens <= held + 10


def test_only_texts_that_may_propose_something_need_room_for_proposals() -> None:
    lm = ByteLM(RandomLM(TextTokenizer(all_bytes_with())))
    batch = Batch(lm, max_tokens=256)

    def least_refused(speculate: bool | SpeculationOptions) -> int:
        for size in range(300):
            try:
                handle = batch.add(Request("", max_bytes=size, speculate=speculate))
            except ArgumentError:
                return size
            batch.drop(handle)
        raise AssertionError

    sizes = [least_refused(way) for way in (False, SpeculationOptions(max_rows=0), True)]
    assert sizes == [sizes[0], sizes[0], sizes[0] - 256 // 8]
    share = (sizes[0] - 64) // 2  # two such texts fit side by side, but not beside proposals
    for speculate, n_running in ((False, 2), (True, 1)):
        batch = Batch(lm, max_tokens=256)
        for _ in range(2):
            batch.add(Request("", max_bytes=share - 8, speculate=speculate))
        batch.step()
        assert batch.n_running == n_running


def test_middles_among_other_texts_are_those_of_infill() -> None:
    spec = with_format(WORDS, FIM_FORMATS["starcoder"])
    lm = ByteLM(RandomLM(TextTokenizer(spec)))
    chance = random.Random(3)
    texts: dict[Handle, bytes] = {}
    batch = Batch(lm)
    for _ in range(32):
        request = Request(
            "ab aab"[: chance.randrange(7)],
            suffix=chance.choice([None, "", "ab", "b aé"]),
            max_bytes=6,
            seed=chance.randrange(9),
            valid_utf8=True,
            no_repeat_ngram=3,
        )
        begins = b"" if request.suffix is None else chance.choice([b"", b"ab", b"\xc3"])
        texts[batch.add(request, surroundings=Surroundings(begins=begins))] = b""
    while batch.n_running or batch.n_waiting:
        for handle, data, _ in batch.step():
            texts[handle] += data
    for handle, text in texts.items():
        request = handle.request
        assert text == infill(
            lm,
            request.text,
            request.suffix,
            begins=handle.surroundings.begins,
            max_bytes=6,
            seed=request.seed,
            valid_utf8=True,
            no_repeat_ngram=3,
        )


@pytest.mark.parametrize("pattern", ["[ab]{3}", "a+b"])
def test_patterns_hold_beside_texts_without(pattern: str) -> None:
    pytest.importorskip("llguidance")
    lm = ab_lm("x", "abab", "aab", "bba")
    batch = Batch(lm)
    asked = [
        Request("a", max_bytes=6, seed=k, pattern=p) for k in range(4) for p in (None, pattern)
    ]
    handles = {batch.add(request): b"" for request in asked}
    while batch.n_running or batch.n_waiting:
        for handle, data, _ in batch.step():
            handles[handle] += data
    for handle, text in handles.items():
        assert text == b"".join(lm.draw(handle.request))


def test_a_dropped_text_is_gone_at_once() -> None:
    lm = ab_lm("x", "ababababab" * 9)
    batch = Batch(lm, options=BatchOptions(max_prefixes=0, max_running=1))
    request = Request("ab" * 20, max_bytes=1000, pattern=None, temperature=0)
    running, waiting = batch.add(request), batch.add(request)
    for _ in range(5):
        batch.step()
    assert (batch.n_running, batch.n_waiting) == (1, 1)
    assert batch.n_tokens > 20
    batch.drop(waiting)
    batch.drop(running)
    gc.collect()
    assert (batch.n_running, batch.n_waiting, batch.n_tokens) == (0, 0, 0)
    assert batch.step() == []
    batch.drop(running)  # once more does no harm
    with pytest.raises(ArgumentError, match="what add returned"):
        batch.drop(request)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("suffix", [None, "on"])
def test_what_was_read_for_a_text_that_is_dropped_is_not_read_again(suffix: str | None) -> None:
    spec = with_format(all_bytes_with(b"the ", b"cat"), FIM_FORMATS["starcoder"])
    batch = Batch(ByteLM(RandomLM(TextTokenizer(spec))), options=BatchOptions(pieces_a_step=1))
    text = "the cat " * (2 * PIECE // 8 + 5)
    dropped = batch.add(Request(text, suffix=suffix, max_bytes=2))
    batch.step()
    batch.drop(dropped)
    gc.collect()
    again = batch.add(Request(text, suffix=suffix, max_bytes=2))
    while again.finish is None:
        batch.step()
    assert again.tokens_reused > 100


@pytest.mark.slow
def test_memory_stays_under_its_limit_over_many_requests() -> None:
    n_requests = 10_000
    chance = random.Random(0)
    limit = 450
    options = BatchOptions(max_running=4, max_prefixes=1000, max_proposed=16)
    batch = Batch(ab_lm("x", "abab", "aab", "bba"), max_tokens=limit, options=options)
    handles: list[Handle] = []
    n_added, most = 0, 0
    while n_added < n_requests or batch.n_running or batch.n_waiting:
        while n_added < n_requests and batch.n_waiting < 4:
            prompt = "".join(chance.choices("ab", k=chance.randrange(40)))
            # How much room proposals take depends on what passes cost: at first there are none.
            late = n_added > n_requests // 2
            size = chance.randrange(9)
            request = Request(prompt, max_bytes=size, seed=n_added, speculate=late)
            handles.append(batch.add(request))
            n_added += 1
        batch.step()
        most = max(most, batch.n_tokens)
        assert most <= limit
    assert all(handle.finish not in (None, "error") for handle in handles)
    assert most > limit // 4  # much is remembered


def test_a_request_that_no_limit_lets_in_is_refused_at_once() -> None:
    batch = Batch(ab_lm("x", "ab"), max_tokens=256)
    with pytest.raises(ArgumentError, match="more than the 256"):
        batch.add(Request("a", max_bytes=1000))
    batch.add(Request("a", max_bytes=1000), max_tokens=8)


def test_texts_wait_while_there_is_no_room() -> None:
    batch = Batch(ab_lm("x", "ab" * 100), max_tokens=300)
    handles = [batch.add(Request("a", max_bytes=150, seed=k)) for k in range(3)]
    batch.step()
    assert (batch.n_running, batch.n_waiting) == (1, 2)
    while batch.n_running or batch.n_waiting:
        batch.step()
    assert all(handle.finish in ("end", "length") for handle in handles)


def test_a_beginning_seen_before_is_not_computed_again() -> None:
    lm = NotingLM(TextTokenizer(all_bytes_with(b"ab", b" a")))
    batch = Batch(ByteLM(lm))
    long = b"ab a" * (PIECE // 2)

    def text_of(prompt: bytes) -> tuple[Handle, int]:
        before = len(lm.asked)
        handle = batch.add(Request(prompt, max_bytes=1, seed=1))
        while handle.finish is None:
            batch.step()
        return handle, len(lm.asked) - before

    first, n_first = text_of(long)
    again, n_again = text_of(long)
    longer, n_longer = text_of(long + b" and")
    other, n_other = text_of(long[: PIECE + 100])
    assert first.tokens_reused == 0 and n_first > PIECE
    assert n_again == 0 and again.tokens_reused > PIECE - 9
    assert n_longer < 9 and longer.tokens_reused > PIECE - 9
    assert n_other < 120 and other.tokens_reused > PIECE / 2 - 9
    assert batch.tokens_reused == sum(h.tokens_reused for h in (again, longer, other))


def test_a_long_prompt_does_not_hold_up_the_others() -> None:
    lm = NotingLM(TextTokenizer(all_bytes_with(b"ab")))
    batch = Batch(ByteLM(lm), options=BatchOptions(pieces_a_step=1))
    quick = batch.add(Request("a", max_bytes=9, seed=0))
    batch.step()
    batch.add(Request("ab" * 4 * PIECE, max_bytes=1))
    while quick.finish is None:
        before = len(lm.asked)
        batch.step()
        assert len(lm.asked) - before <= PIECE + 20


@FEW
@given(specs=pairs, seed=st.integers(0, 99), limit=st.integers(1, 5))
def test_a_text_ends_after_so_many_tokens(
    specs: tuple[TokenizerSpec, ...], seed: int, limit: int
) -> None:
    lm = models(specs)[seed % 7]
    chance = random.Random(seed)
    whole = run(Batch(lm), some_requests(chance, 8), random.Random(1))
    chance = random.Random(seed)
    cut = run(Batch(lm), some_requests(chance, 8), random.Random(1), max_tokens=limit)
    by_request = {handle.request: text for handle, text in whole.items()}
    for handle, text in cut.items():
        if handle.finish == "error":
            continue
        assert by_request.get(handle.request, text).startswith(text)
        assert handle.n_tokens <= limit
        assert list(handle.token_ends) == sorted({*handle.token_ends})
        assert text == b"" or handle.token_ends[-1] == len(text)


@FEW
@given(specs=pairs, seed=st.integers(0, 99), limit=st.integers(1, 5), dummy=st.booleans())
def test_tokens_may_be_those_of_a_tokenizer_that_no_model_has(
    specs: tuple[TokenizerSpec, ...], seed: int, limit: int, dummy: bool
) -> None:
    counted = all_bytes_with(b"aa", b" a")
    if dummy:
        counted = replace(counted, prefix_space="always", splits=())
    *others, counting = [TextTokenizer(spec) for spec in (*specs, counted)]
    lm = ByteEnsemble([ByteLM(RandomLM(each, k)) for k, each in enumerate(others)])
    options = BatchOptions(tokenizer=counting)
    requests = some_requests(random.Random(seed), 8)
    whole = run(Batch(lm), requests, random.Random(1))
    by_request = {handle.request: text for handle, text in whole.items()}
    for most in (None, limit):
        for handle, text in run(
            Batch(lm, options=options), requests, random.Random(2), max_tokens=most
        ).items():
            if handle.finish == "error" or handle.request not in by_request:
                continue
            start, full = len(handle.request.text), by_request[handle.request]
            encoding = counting.encode_with_offsets(handle.request.text + full, normalize=False)
            ends = [end - start for end in encoding.ends.tolist() if end > start]
            if handle.stopped_by is None and (most is None or len(ends) <= most):
                assert (text, list(handle.token_ends)) == (full, ends)
            assert full.startswith(text) and handle.n_tokens <= (most or len(full))
            assert list(handle.token_ends[-1:]) == [len(text)][: len(text)]
            if not handle.request.stops:
                assert list(handle.token_ends) == ends[:most]


def test_an_error_of_one_text_leaves_the_others_alone() -> None:
    lm = ab_lm("x", "abab", "aab")
    batch = Batch(lm)
    good = batch.add(Request("ab", max_bytes=5, seed=1))
    bad = batch.add(Request("abc", max_bytes=5, seed=1))
    gap = batch.add(Request("a", suffix="b", max_bytes=5))
    text = b""
    while batch.n_running or batch.n_waiting:
        for handle, data, _ in batch.step():
            text += data if handle is good else b""
    assert text == lm.generate("ab", max_bytes=5, seed=1)
    assert isinstance(bad.error, ModelError) and isinstance(gap.error, ArgumentError)


def test_what_makes_no_sense_is_refused() -> None:
    lm = ab_lm("x", "ab")
    batch = Batch(lm)
    with pytest.raises(ArgumentError, match="suffix"):
        batch.add(Request("a", max_bytes=1, suffix="b", pattern="a"))
    with pytest.raises(ArgumentError, match="suffix"):
        batch.add(Request("a", max_bytes=1), surroundings=Surroundings(begins=b"a"))
    with pytest.raises(ArgumentError, match="suffix"):
        batch.add(Request("a", max_bytes=1, suffix="b"), surroundings=Surroundings(context=(1,)))
    with pytest.raises(ArgumentError, match="suffix"):
        lm.draw(Request("a", max_bytes=1, suffix="b"))
    with pytest.raises(ArgumentError, match="max_tokens"):
        Batch(lm, max_tokens=1)
    with pytest.raises(ArgumentError, match="max_running"):
        BatchOptions(max_running=0)
