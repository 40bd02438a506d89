"""A graph from an npz, never unpickled: `read_graph`, and `read_labelled_graph` to learn from.

An npz of one's own holds

    features     numbers (nodes, features)
    edges        whole numbers (2, edges), places of nodes; each edge once, or in both directions
    labels       whole numbers (nodes,), a class from 0; below 0 where it is unknown
    train        places of the nodes whose labels may be learned from; may be left out
    validation   places of those whose labels the curves are about; may be left out

Instead of the first two it may hold the sparse matrices `adj_…` (nodes, nodes) and `attr_…` (nodes,
features), each as `data`, `indices`, `indptr` and `shape` of compressed rows, as public graphs are
passed around ("Pitfalls of Graph Neural Network Evaluation", Shchur et al., 2018).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_path, check_real, check_whole
from tokkit.errors import ArgumentError, FormatError
from tokkit.files.npz_files import MOST_BYTES, read_arrays
from tokkit.models.vqgraph.checks import as_edges, as_features
from tokkit.models.vqgraph.labelled import LabelledGraph

_PARTS = ("data", "indices", "indptr", "shape")
_EXPECTED = "expected an npz with features and edges, or adj_* and attr_*"


@dataclass(frozen=True, eq=False)
class GraphFile:
    """What an npz says of a graph.

    Attributes:
        features: float32 (nodes, features).
        edges: int64 (2, edges).
        labels: int64 (nodes,), below 0 where it is unknown; None where nothing is.
        train: places of the nodes to learn from; None where the file does not say.
        validation: places of those that curves are about; None likewise.
    """

    features: NDArray[np.float32]
    edges: NDArray[np.int64]
    labels: NDArray[np.int64] | None
    train: NDArray[np.int64] | None
    validation: NDArray[np.int64] | None


def read_graph(source: str | os.PathLike[str]) -> GraphFile:
    """Read a graph.

    Raises:
        ArgumentError: no path.
        FormatError: not there, damaged, too large, no graph, or parts that do not fit each other.
    """
    path = check_path(source, "source", "give an npz of a graph")
    arrays = read_arrays(path)
    try:
        features, edges = _features_and_edges(arrays)
        found = {name: _whole(arrays, name) for name in ("labels", "train", "validation")}
    except KeyError as error:
        raise FormatError(f"{path}: {error} is not in it; {_EXPECTED}") from error
    except (ArgumentError, ValueError, IndexError) as error:
        raise FormatError(f"{path}: {error}; {_EXPECTED}") from error
    labels = found["labels"]
    if labels is not None and labels.shape != (len(features),):
        raise FormatError(f"{path}: labels {labels.shape}, expected ({len(features)},)")
    return GraphFile(features, edges, **found)


def read_labelled_graph(
    source: str | os.PathLike[str], *, held_out: float = 0.05, seed: int = 0
) -> LabelledGraph:
    """Read a graph to learn from.

    Args:
        source: an npz with labels.
        held_out: of the known labels, the share that is not learned from; at least one, unless it
            is zero. Where the file says what `train` and `validation` are, it does not count.
        seed: of the draw of those.

    Raises:
        ArgumentError: no path, no share, or one that leaves nothing.
        FormatError: as `read_graph`, no label that is known, or parts that do not fit each other.
    """
    if not 0 <= check_real("held_out", held_out) < 1:
        raise ArgumentError(f"held_out must be from 0 to below 1, got {held_out!r}")
    check_whole("seed", seed, 0)
    graph = read_graph(source)
    known = np.flatnonzero(graph.labels >= 0) if graph.labels is not None else np.zeros(0, int)
    if graph.labels is None or not len(known):
        raise FormatError(f"{source}: no label of a node is known; expected labels (nodes,)")
    train, validation = graph.train, graph.validation
    if train is None:
        if validation is not None:
            raise FormatError(f"{source}: says what validation is and not what train is")
        n = max(round(held_out * len(known)), int(held_out > 0))
        if n >= len(known):
            raise ArgumentError(
                f"{len(known)} labels are known, and held_out {held_out} leaves none to learn from"
            )
        order = np.random.default_rng(seed).permutation(known)
        train, validation = order[n:], order[:n]
    if validation is None:
        validation = np.zeros(0, np.int64)
    try:
        return LabelledGraph(graph.features, graph.edges, graph.labels, train, validation)
    except ArgumentError as error:
        raise FormatError(f"{source}: {error}") from error


def _features_and_edges(
    arrays: Mapping[str, NDArray[Any]],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    if "features" in arrays:
        features = as_features(arrays["features"], None)
        return features, as_edges(arrays["edges"], len(features))
    (n, m), rows, columns, values = _sparse(arrays, "attr")
    if n * m * 4 > MOST_BYTES:
        raise ValueError(f"features of {n:,} times {m:,} numbers are too many")
    features = np.zeros((n, m), np.float32)
    np.add.at(features, (rows, columns), values)  # of an entry that is there twice, the sum
    (n_rows, n_columns), starts, ends, weights = _sparse(arrays, "adj")
    if (n_rows, n_columns) != (n, n):
        raise ValueError(f"adj_shape is {n_rows} x {n_columns}, and the features are of {n} nodes")
    there = weights != 0  # an entry may be written down although it is zero
    return as_features(features, None), as_edges(np.stack([starts[there], ends[there]]), n)


def _sparse(
    arrays: Mapping[str, NDArray[Any]], name: str
) -> tuple[tuple[int, int], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The shape of a matrix of compressed rows, and its rows, columns and values."""
    data, indices, bounds, shape = (arrays[f"{name}_{part}"] for part in _PARTS)
    kinds = {"indices": indices, "indptr": bounds, "shape": shape}
    for part, each in kinds.items():
        if each.dtype.kind not in "iu" or each.ndim != 1:
            raise ValueError(f"{name}_{part} must be whole numbers in a row")
    if data.dtype.kind not in "fiub" or data.shape != indices.shape or shape.shape != (2,):
        raise ValueError(f"{name}_data, {name}_indices and {name}_shape do not fit each other")
    n, m = (int(each) for each in shape.tolist())
    # Not by the differences, which may wrap.
    if n < 0 or m < 0 or len(bounds) != n + 1 or (bounds[1:] < bounds[:-1]).any():
        raise ValueError(f"{name}_indptr does not fit {name}_shape")
    if bounds[0] != 0 or bounds[-1] != len(indices):
        raise ValueError(f"{name}_indptr does not fit {name}_indices")
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < m:
        raise ValueError(f"{name}_indices are outside {name}_shape")
    rows = np.repeat(np.arange(n), np.diff(bounds.astype(np.int64)))
    return (n, m), rows, indices.astype(np.int64), data.astype(np.float32)


def _whole(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.int64] | None:
    """Whole numbers in a row, if there are any of that name."""
    if name not in arrays:
        return None
    array = arrays[name]
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise ValueError(f"{name} must be whole numbers in a row, got {array.dtype} {array.shape}")
    if array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name} holds {int(array.max())}, which is too large")
    return array.astype(np.int64)
