"""A classifier that is trained here: what a picture shows, and how far sets of them are apart.

The Fréchet distance is that of "GANs Trained by a Two Time-Scale Update Rule" (Heusel et al.,
2017), between normal distributions of features; these are the classifier's, of 64 columns, and not
Inception's, so that figures compare within these tables and with nothing else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from benchmarks.images.data_sets import DataSet
from tokkit.models.training import TrainingOptions, train

_FEATURES, _BATCH, _AT_ONCE = 64, 64, 256


class Judge(nn.Module):
    """Two convolutions and two linear layers."""

    def __init__(self, shape: tuple[int, ...], n_classes: int) -> None:
        """Random weights, by torch's generator.

        Args:
            shape: of a picture: height, width, channels.
            n_classes: of pictures.
        """
        super().__init__()
        height, width, channels = shape
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * -(-height // 4) * -(-width // 4), _FEATURES),
        )
        self.head = nn.Linear(_FEATURES, n_classes)

    def features(self, pictures: NDArray[np.uint8]) -> torch.Tensor:
        """Float (n, 64), of uint8 (n, height, width, channels)."""
        x = torch.from_numpy(np.ascontiguousarray(pictures)).float().permute(0, 3, 1, 2)
        return self.layers(x / 127.5 - 1)

    def forward(self, pictures: NDArray[np.uint8]) -> torch.Tensor:
        """Logits, float (n, n_classes)."""
        return self.head(functional.relu(self.features(pictures)))

    def seen(self, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Features, float64 (n, 64), and classes, int64 (n,)."""
        parts = [pictures[at : at + _AT_ONCE] for at in range(0, len(pictures), _AT_ONCE)]
        with torch.inference_mode():
            features = torch.cat([self.features(each) for each in parts])
            classes = self.head(functional.relu(features)).argmax(1)
        return features.double().numpy(), classes.numpy()


def trained_judge(data: DataSet, *, steps: int, folder: Path) -> Judge:
    """A classifier of the pictures that tokenizers learn from; an interrupted training goes on."""
    torch.manual_seed(1)
    judge = Judge(data.known.shape[1:], data.n_classes)

    def loss(number: int) -> torch.Tensor:
        del number  # the generator is seeded with it
        places = torch.randint(len(data.known), (_BATCH,)).numpy()
        wanted = torch.from_numpy(data.known_labels[places])
        return functional.cross_entropy(judge(data.known[places]), wanted)

    options = TrainingOptions(steps=steps, learning_rate=2e-3, weight_decay=0.01)
    train(judge, loss, options, folder=folder / f"{data.name}-judge-{steps}")
    return judge.eval()


def frechet(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    """Distance of two sets of features, each (n, columns) with n above 1."""
    means = np.square(one.mean(0) - two.mean(0)).sum()
    first, second = (np.cov(each, rowvar=False) for each in (one, two))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ second @ root).clip(0)
    return float(max(means + np.trace(first) + np.trace(second) - 2 * np.sqrt(inner).sum(), 0.0))
