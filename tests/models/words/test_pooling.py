"""Pooled units: the definition, whatever stands beside them, in one stretch or in several."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch: Any = pytest.importorskip("torch")
from tokkit.models.words.distinct import distinct_words
from tokkit.models.words.pooling import AttentionPooling, PoolingKind, UnitPooling, unit_pooling
from tokkit.models.words.segments import Segments

KINDS = get_args(PoolingKind)
WIDTH, OUT, HEADS = 6, 8, 2
lengths_of_units = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def pooling_of(kind: PoolingKind) -> UnitPooling:
    torch.manual_seed(0)
    pooling = unit_pooling(kind, WIDTH, OUT, HEADS).double()
    for each in pooling.parameters():
        torch.nn.init.normal_(each)
    return pooling


def places(n: int) -> Any:
    return torch.randn(n, WIDTH, generator=torch.Generator().manual_seed(n), dtype=torch.float64)


def segments_of(lengths: list[int]) -> Segments:
    sizes = np.array(lengths, np.int64)
    return Segments(torch.from_numpy(np.cumsum(sizes) - sizes), sizes)


def defined(pooling: Any, x: Any) -> Any:
    """The vector of one unit, by multi-head attention as the textbook has it."""
    if not isinstance(pooling, AttentionPooling):
        several = {"MeanPooling": x.mean(0), "MaxPooling": x.amax(0)}
        return pooling.out(several[type(pooling).__name__])
    query = pooling.query.weight.view(1, HEADS, 1, -1)
    key, value = (
        each(x).view(1, len(x), HEADS, -1).transpose(1, 2) for each in (pooling.key, pooling.value)
    )
    read = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    return pooling.out(read.flatten())


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=25)
@given(lengths=lengths_of_units)
def test_each_unit_is_pooled_by_itself(kind: PoolingKind, lengths: list[int]) -> None:
    pooling, x = pooling_of(kind), places(sum(lengths))
    pooled = pooling.finish(pooling.partial(x, segments_of(lengths)))
    expected = torch.stack([defined(pooling, each) for each in x.split(lengths)])
    assert torch.allclose(pooled, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=25)
@given(parts=st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_parts_of_a_unit_merge_to_the_whole(kind: PoolingKind, parts: list[int]) -> None:
    parts = [*parts, 1]
    pooling, x = pooling_of(kind), 9 * places(sum(parts))
    whole = pooling.finish(pooling.partial(x, segments_of([sum(parts)])))
    merged = None
    for part in x.split(parts):
        new = pooling.partial(part, segments_of([len(part)]))
        merged = new if merged is None else pooling.merge(merged, new)
    assert merged is not None
    assert torch.allclose(pooling.finish(merged), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_single_places_are_segments_of_one_place(kind: PoolingKind) -> None:
    pooling, x = pooling_of(kind), places(3)
    for one, other in zip(
        pooling.singles(x), pooling.partial(x, segments_of([1, 1, 1])), strict=True
    ):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_the_definition(kind: PoolingKind) -> None:
    lengths = [3, 17, 1, 5, 4]
    pooling, x = pooling_of(kind), places(sum(lengths)).requires_grad_()
    inputs = [x, *pooling.parameters()]
    pooled = pooling.finish(pooling.partial(x, segments_of(lengths)))
    found = torch.autograd.grad(pooled.square().sum(), inputs)
    expected = torch.stack([defined(pooling, each) for each in x.split(lengths)])
    for each, wanted in zip(
        found, torch.autograd.grad(expected.square().sum(), inputs), strict=True
    ):
        assert torch.allclose(each, wanted, rtol=1e-12, atol=1e-12)


def test_a_very_long_unit_is_pooled() -> None:
    pooling = pooling_of("attention")
    x = places(1).expand(1 << 18, -1)
    pooled = pooling.finish(pooling.partial(x, segments_of([1 << 18])))
    assert torch.allclose(pooled[0], defined(pooling, x[:1]), rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from([b"a", b"b", b"ab", b"ba", b"aba"]), min_size=1, max_size=20))
def test_distinct_words_are_the_words(words: list[bytes]) -> None:
    data = np.frombuffer(b"".join(words), np.uint8)
    found = distinct_words(data, np.cumsum([len(each) for each in words]))
    assert [words[found.first[k]] for k in found.number] == words
    assert len(found.first) == len(set(words))
    assert found.first.tolist() == sorted(found.first.tolist())


def test_encoding_distinct_words_once_changes_neither_loss_nor_gradients() -> None:
    words = [b"the", b" cat", b" and", b" the", b" cat", b" cat", b"the"]
    lengths = [len(each) for each in words]
    data = np.frombuffer(b"".join(words), np.uint8)
    found = distinct_words(data, np.cumsum(lengths))
    pooling = pooling_of("attention")
    rows = places(256).requires_grad_()
    inputs = [rows, *pooling.parameters()]
    weights = places(len(words)) @ places(OUT).T

    def encoded(chosen: list[bytes]) -> Any:
        x = rows[torch.tensor(list(b"".join(chosen)))].tanh()
        return pooling.finish(pooling.partial(x, segments_of([len(each) for each in chosen])))

    once = encoded([words[k] for k in found.first])[torch.from_numpy(found.number)]
    each_time = encoded(words)
    losses = [(units * weights).square().sum() for units in (once, each_time)]
    assert torch.allclose(losses[0], losses[1], rtol=1e-12, atol=0)
    gradients = [torch.autograd.grad(loss, inputs) for loss in losses]
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-12)
