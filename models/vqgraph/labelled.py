"""A graph to learn from: features, edges, and the labels of a few nodes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_array
from tokkit.errors import ArgumentError
from tokkit.models.vqgraph.checks import as_edges, as_features


@dataclass(frozen=True, eq=False)
class LabelledGraph:
    """What a `VQGraph` learns from.

    Only the labels of `train` are learned from, and only those of `validation` are looked at beside
    them; the others may hold anything.

    Attributes:
        features: float32 (nodes, features).
        edges: int64 (2, edges), undirected: each may be there once, or in both directions.
        labels: int64 (nodes,), a class from 0.
        train: int64 (n,), the nodes whose labels are known.
        validation: int64 (n,), those whose labels the curves of a training are about; may be empty.
    """

    features: NDArray[np.float32]
    edges: NDArray[np.int64]
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check shapes and ranges.

        Raises:
            ArgumentError: something does not fit.
        """
        features = as_features(self.features, None)
        n = len(features)
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "edges", as_edges(self.edges, n))
        for name in ("train", "validation"):
            object.__setattr__(self, name, _nodes(getattr(self, name), n, name))
        labels = as_array(self.labels, "labels")
        if labels.shape != (n,) or labels.dtype.kind not in "iu":
            raise ArgumentError(
                f"labels must be whole numbers ({n},), got {labels.dtype} {labels.shape}"
            )
        object.__setattr__(self, "labels", labels.astype(np.int64))
        if not len(self.train):
            raise ArgumentError("no node to train on; give the places of some in `train`")
        if np.intersect1d(self.train, self.validation).size:
            raise ArgumentError("a node is in `train` and in `validation`; expected no such node")
        if int(self.known.min()) < 0:
            raise ArgumentError(f"a class is {int(self.known.min())}, expected 0 or more")

    @property
    def known(self) -> NDArray[np.int64]:
        """The labels of `train` and `validation`."""
        return self.labels[np.concatenate([self.train, self.validation])]

    def fingerprint(self) -> str:
        """Hexadecimal, of all that a training looks at."""
        digest = hashlib.sha256()
        for each in (self.features, self.edges, self.train, self.validation, self.known):
            digest.update(str(each.shape).encode())
            digest.update(np.ascontiguousarray(each).tobytes())
        return digest.hexdigest()


def _nodes(value: Any, n: int, name: str) -> NDArray[np.int64]:
    array = as_array(value, name)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ArgumentError(f"{name} must be whole numbers (n,), got {array.dtype} {array.shape}")
    array = array.astype(np.int64)
    if array.size and not 0 <= int(array.min()) <= int(array.max()) < n:
        raise ArgumentError(f"{name} names a node that is not among the {n:,} there are")
    return array
