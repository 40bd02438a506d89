"""Signals that are a little like speech: voices that glide, and hisses, with pauses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokkit.models import DMCodecConfig, DMCodecRecipe, Recording, Recordings

RATE = 8000
CONFIG = DMCodecConfig(
    n_codes=16, depth=4, width=8, hidden=24, layers=1, kernel=3, phase_steps=4,
    recipe=DMCodecRecipe(plain_steps=20, start_frames=200, batch=4, segment=24, decay=0.9),
)  # fmt: skip


def signal(seed: int, seconds: float = 1.0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    parts: list[NDArray[np.float64]] = []
    while sum(map(len, parts)) < seconds * RATE:
        n = int(random.integers(800, 2400))
        times = np.arange(n) / RATE
        loud = np.sin(np.pi * np.arange(n) / n) * random.uniform(0.05, 0.4)
        if random.random() < 0.6:
            pitch = random.uniform(90, 250) * (1 + random.uniform(-0.2, 0.2) * times / times[-1])
            turns = 2 * np.pi * np.cumsum(pitch) / RATE
            formant = random.uniform(300, 2500)
            tones = [
                np.exp(-(((k * pitch - formant) / 500) ** 2)) * np.sin(k * turns)
                for k in range(1, 20)
            ]
            parts.append(loud * np.sum(tones, axis=0) / 2)
        else:
            parts.append(loud * random.standard_normal(n) * 0.3)
        parts.append(np.zeros(int(random.integers(100, 600))))
    whole = np.concatenate(parts)[: int(seconds * RATE)]
    return np.clip(whole, -1, 1).astype(np.float32)


def recordings(n: int = 6, seconds: float = 1.0) -> Recordings:
    made = [Recording(signal(seed, seconds), RATE) for seed in range(n + 2)]
    return Recordings(made[:n], made[n:])
