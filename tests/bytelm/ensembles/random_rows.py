"""Random rows of members along a short text, over a few of the 257 symbols."""

from __future__ import annotations

from typing import Any

import numpy as np

from tokkit.bytelm.ensembles.combination import Combination, Following, Step

SYMBOLS = np.array([97, 98, 99, 256])
OPTIONS = ("mixture", "mean", "product", "switching", "loglinear", "adaptive")


def random_rows(seed: int, n: int, length: int, *, holes: float = 0.0) -> np.ndarray:
    """float64 (n, length + 1, 257), nats: peaked rows, of which a share of entries is impossible.

    The first of `SYMBOLS` is always possible.
    """
    rng = np.random.default_rng(seed)
    scores = 2 * rng.normal(size=(n, length + 1, len(SYMBOLS)))
    scores[:, :, 1:][rng.random((n, length + 1, len(SYMBOLS) - 1)) < holes] = -np.inf
    rows = np.full((n, length + 1, 257), -np.inf)
    rows[:, :, SYMBOLS] = scores - np.logaddexp.reduce(scores, axis=2)[:, :, None]
    return rows


def random_text(seed: int, length: int) -> bytes:
    """Of the first three of `SYMBOLS`."""
    return bytes(np.random.default_rng([seed, 1]).choice(SYMBOLS[:3], size=length).tolist())


def walk(
    combination: Combination, rows: np.ndarray, text: bytes, weights: Any = None
) -> tuple[list[Step], Following[Any]]:
    """The steps along a text, one more than it has bytes, and the following at its end."""
    given = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    following = combination.follow(combination.check_weights(given))
    steps: list[Step] = []
    for k in range(len(text) + 1):
        steps.append(following.expect(rows[:, k]))
        if k < len(text):
            following.push(steps[-1], text[k])
    return steps, following


def rows_of(combination: Combination, rows: np.ndarray, text: bytes, weights: Any = None) -> Any:
    """float64 (len(text) + 1, 257), nats."""
    return np.stack([step.row for step in walk(combination, rows, text, weights)[0]])
