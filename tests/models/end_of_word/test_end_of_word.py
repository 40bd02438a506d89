"""Models that end words with a symbol: the law of bytes, and what equal words share."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch: Any = pytest.importorskip("torch")
from tests.models.toy_models import STACK, TOYS
from tests.text.words.hard_strings import byte_strings
from tokkit.errors import ArgumentError
from tokkit.models.blocks.options import StackConfig
from tokkit.models.end_of_word import network, reading
from tokkit.models.end_of_word.batches import WordBatch
from tokkit.models.end_of_word.law import forbidden_symbols
from tokkit.models.end_of_word.packing import Packing
from tokkit.models.end_of_word.shape import EndOfWordShape
from tokkit.models.hierarchical.config import HierarchicalConfig
from tokkit.models.hierarchical.model import HierarchicalTransformer
from tokkit.models.text_models.windows import NO_TARGET, Windows
from tokkit.models.word_pooled.config import WordPooledConfig
from tokkit.models.words.cutting import UnitCutter, UnitOptions
from tokkit.models.words.distinct import DistinctWords

NAMES = ("hierarchical-paper+", "word-pooled")
TEXT = "the cat, the caté 3.14 the thing\n".encode()


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest) -> Any:
    (toy,) = (toy for toy in TOYS if toy.name == request.param)
    return toy.made(torch.float64)


@pytest.mark.parametrize("text", [b"", b"the", b"the ", "1⁄".encode(), b"caf\xc3", b"aaaaaaaa"])
@torch.no_grad()
def test_rows_are_what_each_byte_adds_to_the_one_path(model: Any, text: bytes) -> None:
    (before,) = model.nats(Windows.of([text])).tolist()
    longer = [text + bytes([byte]) for byte in range(256)] + [text]
    windows = Windows.of(longer, ends=[False] * 256 + [True])
    expected = (before - model.nats(windows)).numpy()
    np.testing.assert_allclose(model.next_byte_logprobs(text), expected, rtol=0, atol=1e-11)


def test_equal_words_are_encoded_once_with_the_same_loss_and_gradients(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = Windows.of([TEXT, TEXT[4:]], ends=True)
    encoded: list[int] = []

    def counted(data: Any, starts: Any, lengths: Any) -> Any:
        encoded.append(len(starts))
        return type(model.body.encoder).forward(model.body.encoder, data, starts, lengths)

    def all_of_them(_: Any, ends: Any) -> DistinctWords:
        return DistinctWords(np.arange(len(ends)), np.arange(len(ends)))

    def learned() -> tuple[Any, list[Any]]:
        model.zero_grad()
        loss = model.nats(windows).sum()
        loss.backward()
        return loss.detach(), [each.grad.clone() for each in model.parameters()]

    monkeypatch.setattr(model.body.encoder, "forward", counted)
    once = learned()
    monkeypatch.setattr(network, "distinct_words", all_of_them)
    each_time = learned()
    assert encoded[0] < encoded[1] / 1.5
    torch.testing.assert_close(once, each_time, rtol=1e-12, atol=1e-12)


def test_leaves_are_encoded_in_pieces(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = model.byte_logprobs(TEXT)
    monkeypatch.setattr(reading, "_LEAF_BYTES", 7)
    np.testing.assert_allclose(model.byte_logprobs(TEXT), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rule", ["uax29", "whitespace"])
def test_every_byte_has_one_path(rule: Any) -> None:
    table = forbidden_symbols(rule)
    within, first = np.split(table[:-1], 2)
    assert (within[:, :256] != first[:, :256]).all()
    assert not table[:, 256].any()
    assert not table[-1].any()


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(byte_strings, st.booleans()), min_size=1, max_size=4),
    st.integers(1, 4),
    st.sampled_from(["uax29", "whitespace"]),
)
def test_words_of_a_batch_are_those_of_each_text(
    texts: list[tuple[bytes, bool]], least: int, rule: Any
) -> None:
    cutter = UnitCutter(UnitOptions(rule, least, 5))
    data, ends = [text for text, _ in texts], [final for _, final in texts]
    batch = WordBatch.of(data, ends, cutter)
    spelled: list[list[bytes]] = [[] for _ in texts]
    for text, number, start, length in zip(
        batch.text, batch.number, batch.starts, batch.lengths, strict=True
    ):
        assert number == len(spelled[text])
        spelled[text].append(batch.data[start : start + length].tobytes())
    for text, final, words in zip(data, ends, spelled, strict=True):
        cuts = [0, *cutter.extend(cutter.begin(), text)[0].ends.tolist(), len(text)]
        expected = [text[a:b] for a, b in pairwise(cuts) if b > a]
        assert words == expected + [b""] * final
    packing = Packing.of(batch.lengths)
    targets, kinds, owner = batch.targets(packing, rule)
    assert not forbidden_symbols(rule)[kinds, targets][targets != NO_TARGET].any()
    n_words = np.array([len(words) for words in spelled])
    n_open = np.array([bool(text) and not final for text, final in texts])
    sizes = np.array([len(text) for text in data])
    found = np.bincount(owner[targets != NO_TARGET], minlength=len(texts))
    assert found.tolist() == (sizes + n_words - n_open).tolist()


@pytest.mark.slow
def test_without_its_backbone_a_model_is_worse() -> None:
    pairs = b"one two three four five six seven eight nine ten ".split()
    order = np.random.default_rng(0).integers(0, 5, 400)
    text = b" ".join(b" ".join(pairs[2 * k : 2 * k + 2]) for k in order)
    model: Any = HierarchicalTransformer(
        HierarchicalConfig(form="paper", encoder=STACK, decoder=STACK, backbone=STACK)
    )
    windows = Windows.of([text[k : k + 100] for k in range(0, 2000, 100)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        model.nats(windows).sum().div(windows.n_bytes).backward()
        optimizer.step()
    with torch.no_grad():
        kept = float(model.nats(windows).sum())
        model.body.backbone.norm.weight.zero_()
        removed = float(model.nats(windows).sum())
    assert kept < 0.7 * removed


@pytest.mark.slow
@torch.no_grad()
def test_one_word_of_many_bytes_is_cut(model: Any) -> None:
    text = b"a" * 3000
    assert np.isfinite(model.byte_logprobs(text)).all()
    assert bool(model.nats(Windows.of([text], ends=True)).isfinite().all())


@pytest.mark.parametrize(
    "wrong",
    [
        {"units": UnitOptions(max_bytes=None)},
        {"units": UnitOptions(max_bytes=2000)},
        {"units": UnitOptions("separator")},
        {"units": 5},
        {"n_vectors": 0},
        {"word_buckets": 0},
        {"encoder": StackConfig(window=4)},
        {"decoder": None},
        {"ngrams": 3},
        {"gate": "yes"},
    ],
)
def test_shapes_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        WordPooledConfig(**wrong)
    sizes: dict[str, Any] = {"encoder": STACK, "backbone": STACK, "decoder": STACK, **wrong}
    with pytest.raises(ArgumentError):
        EndOfWordShape(**sizes)


@pytest.mark.parametrize(
    "wrong", [{"encoder": None}, {"byte_block": "convolution"}, {"hashed_prefixes": 16}]
)
def test_the_form_of_the_paper_refuses_what_only_the_release_has(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="form='release'"):
        HierarchicalTransformer(HierarchicalConfig(form="paper", **wrong))
