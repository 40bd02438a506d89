"""Pictures of MNIST and CIFAR: what is learned from, what is tested on, and which networks fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokkit.models import FlexTokConfig, FlexTokRecipe, Pictures, StackConfig, read_pictures

HELD_OUT, SEED = 0.1, 1
"""Of the test. The recipe was chosen on draws of the seed 0."""
BUDGETS = (1, 2, 4, 8, 16)
"""Ids that are compared, of 10 bits each."""

CONFIGS = {
    "mnist": FlexTokConfig(),
    "cifar": FlexTokConfig(
        height=32,
        width=32,
        channels=3,
        patch=8,
        encoder=StackConfig(width=64, n_layers=2),
        recipe=FlexTokRecipe(flip=True),
    ),
}


@dataclass(frozen=True, eq=False)
class DataSet:
    """Pictures with classes, in two parts.

    Attributes:
        name: a key of `CONFIGS`.
        known: uint8 (n, height, width, channels), that are learned from.
        known_labels: int64 (n,).
        test: likewise, that nothing is learned from and nothing is chosen on.
        test_labels: int64 (n,).
    """

    name: str
    known: NDArray[np.uint8]
    known_labels: NDArray[np.int64]
    test: NDArray[np.uint8]
    test_labels: NDArray[np.int64]

    @property
    def config(self) -> FlexTokConfig:
        """Of a tokenizer of all budgets."""
        return CONFIGS[self.name]

    @property
    def n_classes(self) -> int:
        """Of the pictures."""
        return int(self.known_labels.max()) + 1

    def pictures(self) -> Pictures:
        """Those that are learned from; a few of them are held out for the curves of a training."""
        return Pictures(self.known, self.known_labels, held_out=0.02)


def read_data(name: str, path: Path, *, limit: int | None = None) -> DataSet:
    """Read the pictures of `name`, and draw those of the test.

    Args:
        name: a key of `CONFIGS`.
        path: a folder, a zip or an npz of pictures with classes.
        limit: use so many of the pictures alone, for a look.

    Raises:
        SystemExit: there are none, or they have no classes.
    """
    if not path.exists():
        raise SystemExit(f"no pictures at {path}; pass --{name} with a folder, a zip or an npz")
    pictures = replace(read_pictures(path, held_out=HELD_OUT), seed=SEED)
    if pictures.labels is None:
        raise SystemExit(f"{path}: the pictures have no classes; put each class into a folder")
    if limit is not None:
        some = np.random.default_rng(1).permutation(len(pictures.images))[:limit]
        pictures = replace(pictures, images=pictures.images[some], labels=pictures.labels[some])
    assert pictures.labels is not None
    known, test = pictures.parts()
    return DataSet(
        name,
        pictures.images[known],
        pictures.labels[known],
        pictures.images[test],
        pictures.labels[test],
    )
