"""Symbols after the next one are learned beside it, and change nothing that is asked."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
from tests.models.toy_models import STACK
from tokkit.errors import ArgumentError
from tokkit.models.byte.config import ByteConfig
from tokkit.models.byte.model import ByteTransformer
from tokkit.models.hierarchical.config import HierarchicalConfig
from tokkit.models.text_models.further_symbols import WEIGHT
from tokkit.models.text_models.windows import Windows


@torch.no_grad()
def test_training_adds_the_mean_cost_of_the_further_symbols() -> None:
    model = ByteTransformer(ByteConfig(STACK, ahead=2)).double()
    texts = [b"a cat sat", b"", b"on"]
    windows = Windows.of(texts, ends=[True, True, False])
    assert model.further is not None
    states = model.stack(model.embedding(windows.symbols))
    for row, (text, ends) in enumerate(zip(texts, (True, True, False), strict=True)):
        symbols = [*text, 256] if ends else [*text]
        further = 0.0
        for k, layer in enumerate(model.further.layers, start=1):
            for place in range(len(symbols) - k):
                state = states[row, place]
                logits = model.head(state + torch.nn.functional.silu(layer(state)))
                further -= float(logits.log_softmax(-1)[symbols[place + k]])
        expected = float(model.nats(windows)[row]) + WEIGHT * further / 2
        assert float(model.training_nats(windows)[row]) == pytest.approx(expected, abs=1e-10)


def test_without_them_training_minimises_the_nats() -> None:
    model, windows = ByteTransformer(ByteConfig(STACK)), Windows.of([b"a cat"])
    assert torch.equal(model.training_nats(windows), model.nats(windows))


def test_models_that_end_words_with_a_symbol_refuse_them() -> None:
    with pytest.raises(ArgumentError, match="paper's form"):
        HierarchicalConfig(form="paper", ahead=1)
    with pytest.raises(ArgumentError, match="ahead"):
        ByteConfig(ahead=-1)
