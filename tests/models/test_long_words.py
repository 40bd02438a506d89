"""Texts of one endless word, of white space alone, and of nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
from tests.models.toy_models import LOCAL, WIDE
from tokkit.errors import ArgumentError
from tokkit.models.blocks.options import StackConfig
from tokkit.models.hierarchical.config import HierarchicalConfig
from tokkit.models.hierarchical.model import HierarchicalTransformer
from tokkit.models.spacebyte.config import SpaceByteConfig
from tokkit.models.spacebyte.model import SpaceByte
from tokkit.models.text_models.windows import Windows
from tokkit.models.words.cutting import UnitOptions

ENDLESS = UnitOptions(max_bytes=None)
NEAR = replace(LOCAL, n_layers=1)
CONFIG = HierarchicalConfig(units=ENDLESS, encoder=NEAR, decoder=NEAR, backbone=WIDE)


def build(kind: str) -> Any:
    if kind == "spacebyte":
        return SpaceByte(SpaceByteConfig(NEAR, WIDE, NEAR))
    return HierarchicalTransformer(replace(CONFIG, byte_block=kind))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "length"), [("attention", 1 << 20), ("convolution", 1 << 17), ("spacebyte", 1 << 17)]
)
def test_a_word_of_a_megabyte_is_read_and_gone_on_with(kind: str, length: int) -> None:
    model = build(kind)
    state = model.open(b"a" * length)
    assert np.isfinite(state.logprobs()).all()
    state.push(b" b")
    assert np.isfinite(state.logprobs()).all()


@pytest.mark.parametrize("text", [b"", b"a", b" ", b"\n" * 40, b"a" * 2000, b"\xff" * 300])
@pytest.mark.parametrize("kind", ["attention", "convolution", "spacebyte"])
def test_texts_without_words_are_learned_from(kind: str, text: bytes) -> None:
    model = build(kind)
    nats = model.nats(Windows.of([text, text], ends=True))
    nats.sum().backward()
    assert bool(nats.isfinite().all())
    assert nats[0] == nats[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"form": "tree"},
        {"byte_block": "none"},
        {"pooling": "last"},
        {"kernel": 0},
        {"hashed_units": -1},
        {"hashed_prefixes": -1},
        {"units": "uax29"},
        {"encoder": StackConfig(width=32, n_heads=2)},
        {"backbone": replace(WIDE, window=9)},
    ],
)
def test_shapes_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        replace(CONFIG, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"final": WIDE},
        {"initial": replace(WIDE, width=28), "final": replace(WIDE, width=28)},
        {"backbone": replace(WIDE, window=9)},
        {"units": ENDLESS},
        {"gate": "yes"},
    ],
)
def test_shapes_of_spacebyte_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        replace(SpaceByteConfig(NEAR, WIDE, NEAR), **wrong)
