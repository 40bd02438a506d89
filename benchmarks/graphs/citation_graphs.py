"""Graphs whose nodes have classes, from a folder of `NAME.npz`, and draws of known labels.

A file holds two sparse matrices in compressed rows, `adj_*` (nodes, nodes) and `attr_*` (nodes,
features), and `labels` (nodes,), as those of "Pitfalls of Graph Neural Network Evaluation" (Shchur
et al., 2018). An edge may be there in one direction.

What is published of MLPs that learn from graphs is about the largest connected component of each
graph: the loader of "Extract the Knowledge of Graph Neural Networks and Go Beyond it" (Yang et al.,
2021), which GLNN and VQGraph use, keeps no other node.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse import csgraph

TRAIN, VALIDATION = 20, 30
"""Labels of each class that are known."""
UNSEEN = 0.2
"""Of the test nodes, those that are not there in an inductive training."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph with all labels.

    Attributes:
        features: float32 (nodes, features).
        edges: int64 (2, edges).
        labels: int64 (nodes,).
    """

    features: NDArray[np.float32]
    edges: Ints
    labels: Ints


@dataclass(frozen=True, eq=False)
class Draw:
    """Nodes by what is known of them; unseen ones are test nodes, too."""

    train: Ints
    validation: Ints
    test: Ints
    unseen: Ints


def read_graph(folder: Path, name: str) -> Graph:
    """Read `NAME.npz`.

    Raises:
        SystemExit: there is none, or it holds something else.
    """
    path = folder / f"{name}.npz"
    if not path.is_file():
        have = ", ".join(sorted(each.stem for each in folder.glob("*.npz"))) or "none"
        raise SystemExit(f"no graph {path}; pass --graphs FOLDER with it (found there: {have})")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            adjacency, attributes = (_matrix(arrays, kind).tocoo() for kind in ("adj", "attr"))
            labels = arrays["labels"].astype(np.int64)
    except (KeyError, ValueError, OSError) as error:
        raise SystemExit(f"{path} is no graph with adj_*, attr_* and labels ({error})") from error
    edges = np.stack([adjacency.row, adjacency.col]).astype(np.int64)
    return Graph(attributes.toarray().astype(np.float32), edges, labels)


def _matrix(arrays: Any, kind: str) -> Any:
    parts = tuple(arrays[f"{kind}_{name}"] for name in ("data", "indices", "indptr"))
    return sp.csr_matrix(parts, shape=tuple(arrays[f"{kind}_shape"]))


def draw(labels: Ints, seed: int) -> Draw:
    """Of each class 20 nodes to train on and 30 to validate; of the rest a fifth is unseen."""
    random = np.random.default_rng(seed)
    train: list[Ints] = []
    validation: list[Ints] = []
    for label in np.unique(labels):
        order = random.permutation(np.flatnonzero(labels == label))
        train.append(order[:TRAIN])
        validation.append(order[TRAIN : TRAIN + VALIDATION])
    known = np.concatenate([*train, *validation])
    test = random.permutation(np.setdiff1d(np.arange(len(labels)), known))
    unseen = np.sort(test[: round(UNSEEN * len(test))])
    return Draw(np.concatenate(train), np.concatenate(validation), np.sort(test), unseen)


def component(graph: Graph) -> Graph:
    """The largest connected component; edges are taken as undirected."""
    n = len(graph.labels)
    joined = sp.csr_matrix((np.ones(graph.edges.shape[1]), tuple(graph.edges)), shape=(n, n))
    graphs: Any = csgraph
    _, places = graphs.connected_components(joined, directed=False)
    return without(graph, np.flatnonzero(places != np.bincount(places).argmax()))[0]


def without(graph: Graph, nodes: Ints) -> tuple[Graph, Ints]:
    """The graph without some nodes and their edges, and the new place of each node (-1: none)."""
    left = np.setdiff1d(np.arange(len(graph.labels)), nodes)
    place = np.full(len(graph.labels), -1, np.int64)
    place[left] = np.arange(len(left))
    edges = place[graph.edges]
    edges = edges[:, (edges >= 0).all(axis=0)]
    return Graph(graph.features[left], edges, graph.labels[left]), place
