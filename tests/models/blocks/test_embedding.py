"""Embeddings with n-grams and a gate are the same for whole texts and for texts that go on."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.errors import ArgumentError
from tokkit.models.blocks.embedding import SymbolEmbedding, hashed_ngrams
from tokkit.models.blocks.options import NgramConfig

WIDTH = 8
TEXTS = st.lists(st.integers(0, 256), min_size=1, max_size=20)


def make(ngrams: NgramConfig | None, gate: bool) -> SymbolEmbedding:
    """A small one."""
    torch.manual_seed(0)
    return SymbolEmbedding(257, WIDTH, ngrams=ngrams, gate=gate).double()


@pytest.mark.parametrize("ngrams", [None, NgramConfig(n_buckets=50), NgramConfig((3,), 50)])
@pytest.mark.parametrize("gate", [False, True])
@settings(max_examples=20, deadline=None)
@given(texts=st.lists(TEXTS, min_size=2, max_size=2), data=st.data())
@torch.no_grad()
def test_texts_in_two_parts_equal_whole_ones(
    ngrams: NgramConfig | None, gate: bool, texts: list[list[int]], data: st.DataObject
) -> None:
    embedding = make(ngrams, gate)
    wanted = [embedding(torch.tensor([text]))[0] for text in texts]
    cuts = [data.draw(st.integers(0, len(text))) for text in texts]
    contexts = [embedding.start() for _ in texts]
    found: list[list[torch.Tensor]] = [[], []]
    for parts in (
        [text[:cut] for text, cut in zip(texts, cuts, strict=True)],
        [text[cut:] for text, cut in zip(texts, cuts, strict=True)],
    ):
        lengths = [len(part) for part in parts]
        if not any(lengths):
            continue
        padded = torch.tensor([part + [3] * (max(lengths) - len(part)) for part in parts])
        x, contexts = embedding.extend(padded, lengths, contexts)
        for place, n in enumerate(lengths):
            found[place].append(x[place, :n])
    for parts_of, whole in zip(found, wanted, strict=True):
        torch.testing.assert_close(torch.cat(parts_of), whole, atol=1e-12, rtol=0)


@pytest.mark.parametrize("ngrams", [None, NgramConfig(n_buckets=50), NgramConfig((3,), 50)])
@pytest.mark.parametrize("gate", [False, True])
@torch.no_grad()
def test_texts_one_after_another_equal_each_alone(ngrams: NgramConfig | None, gate: bool) -> None:
    embedding = make(ngrams, gate)
    texts = [[5], [6], [1, 2], [7, 8, 9, 7, 8], [1, 2, 3, 1, 2]]
    groups = [(2, 1), (1, 2), (2, 5)]
    found = embedding.packed(torch.tensor([each for text in texts for each in text]), groups)
    wanted = torch.cat([embedding(torch.tensor([text]))[0] for text in texts])
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=0)


@given(text=st.lists(st.integers(0, 256), min_size=1, max_size=12), size=st.integers(1, 4))
def test_buckets_are_those_of_each_ngram_alone(text: list[int], size: int) -> None:
    config = NgramConfig(n_buckets=1000, seed=3)
    if len(text) < size:
        return
    found = hashed_ngrams(torch.tensor([text]), size, config)[0].tolist()
    assert len(found) == len(text) - size + 1
    for place, bucket in enumerate(found):
        hashed = (3 * 1_000_003 + size) % (1 << 64)
        for symbol in text[place : place + size]:
            hashed = (hashed ^ (symbol + 1)) * 0x100000001B3 % (1 << 64)
        signed = hashed - (1 << 64) if hashed >> 63 else hashed
        assert bucket == (signed ^ (signed >> 29)) % 1000


def test_a_gate_that_is_shut_changes_nothing() -> None:
    embedding = make(None, gate=True)
    assert embedding.gate is not None
    with torch.no_grad():
        embedding.gate.weight.zero_()
        embedding.gate.bias.fill_(-1e9)
    symbols = torch.tensor([[5, 6, 7]])
    assert torch.equal(embedding(symbols), embedding.rows(symbols))


@pytest.mark.parametrize("sizes", [(), (1,), (3, 2), (2, 2)])
def test_sizes_of_ngrams_are_checked(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ArgumentError):
        NgramConfig(sizes)


def test_every_seed_of_hashes_that_is_taken_can_be_used() -> None:
    symbols = torch.zeros(1, 64, dtype=torch.int64)
    largest = NgramConfig(sizes=(64,), seed=(1 << 43) - 1)
    assert hashed_ngrams(symbols, 64, largest).shape == (1, 1)
    with pytest.raises(ArgumentError, match="seed"):
        NgramConfig(seed=1 << 43)
