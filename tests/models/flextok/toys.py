"""Small pictures that can be learned in seconds: a bright block somewhere, on a slope."""

from __future__ import annotations

from typing import Any

import numpy as np

from tokkit.models import FlexTok, FlexTokConfig, FlexTokRecipe, Pictures, StackConfig

SMALL = StackConfig(width=16, n_layers=1, n_heads=2)
CONFIG = FlexTokConfig(
    height=8, width=8, n_tokens=4, levels=(4, 4), patch=4, encoder=SMALL, whole=24, feedback=24,
    hidden=48, flow_patch=4, flow=SMALL, flow_steps=3,
    recipe=FlexTokRecipe(batch=16, lengths=2, flow_share=0.5),
)  # fmt: skip


def blocks(n: int, *, seed: int = 0, channels: int = 1) -> Any:
    """Pictures, uint8 (n, 8, 8, channels)."""
    random = np.random.default_rng(seed)
    row, column, slope = random.random((3, n, 1, 1, 1))
    places = np.arange(8) / 8
    down, along = places[:, None, None], places[None, :, None]
    inside = (abs(down - row) < 0.2) & (abs(along - column) < 0.2)
    light = 0.6 * inside + 0.4 * slope * down
    return np.repeat((255 * light).astype(np.uint8), channels, axis=3)


PICTURES = Pictures(blocks(200), held_out=0.2)


def new_model(config: FlexTokConfig = CONFIG) -> Any:
    import torch

    torch.manual_seed(0)
    return FlexTok(config).eval()
