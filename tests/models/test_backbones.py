"""What a text said long ago reaches the next byte through the backbone, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
from tests.models.toy_models import LOCAL, WIDE
from tokkit.models.hierarchical.config import HierarchicalConfig
from tokkit.models.hierarchical.model import HierarchicalTransformer
from tokkit.models.spacebyte.config import SpaceByteConfig
from tokkit.models.spacebyte.model import SpaceByte
from tokkit.models.text_models.text_model import CachedTextModel
from tokkit.models.text_models.windows import Windows
from tokkit.models.training import TrainingOptions, train

NAMES = b"abcd"
BETWEEN = b" then some more "
NEAR = replace(LOCAL, n_layers=1)


def texts(n: int, seed: int) -> list[bytes]:
    """A letter, words that are always the same, the letter again."""
    letters = np.random.default_rng(seed).choice(list(NAMES), n)
    return [bytes([each]) + BETWEEN + bytes([each]) for each in letters.tolist()]


def hierarchical() -> CachedTextModel:
    return HierarchicalTransformer(HierarchicalConfig(encoder=NEAR, decoder=NEAR, backbone=WIDE))


def spacebyte() -> CachedTextModel:
    return SpaceByte(SpaceByteConfig(NEAR, WIDE, NEAR))


@pytest.mark.slow
@pytest.mark.parametrize("build", [hierarchical, spacebyte])
def test_a_letter_is_remembered_beyond_the_window(build: Any) -> None:
    model = build()
    assert NEAR.window is not None
    assert len(BETWEEN) > 2 * (NEAR.window - 1)  # the reach of two layers, before and behind

    def loss(number: int) -> Any:
        windows = Windows.of(texts(32, number))
        return model.nats(windows).sum() / windows.n_bytes

    train(model, loss, TrainingOptions(steps=1200, learning_rate=3e-3, evaluations=0))
    model.eval()
    rows = [model.open(bytes([name]) + BETWEEN).logprobs() for name in NAMES]
    right = [np.exp(row[name]) for name, row in zip(NAMES, rows, strict=True)]
    assert np.mean(right) > 0.4  # 1 / 4 is the most without memory
