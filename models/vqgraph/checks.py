"""What a graph must be, before anything is computed with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_array
from tokkit.errors import ArgumentError


def as_features(x: Any, n_features: int | None) -> NDArray[np.float32]:
    """Features of nodes, float32 (nodes, features).

    Args:
        x: numbers; `n_features` of each node, or any number if that is None.
        n_features: of each node.

    Raises:
        ArgumentError: another shape, no node, or numbers that are not finite.
    """
    array = as_array(x, "features")
    shape = f"(nodes, {'features' if n_features is None else n_features})"
    if array.dtype.kind not in "fiub" or array.ndim != 2:
        raise ArgumentError(
            f"features of nodes must be numbers {shape}, got {array.dtype} {array.shape}"
        )
    if n_features is not None and array.shape[1] != n_features:
        raise ArgumentError(f"features must be {shape}, got {array.shape}")
    if not len(array):
        raise ArgumentError("a graph without a node has no codes; expected at least one")
    with np.errstate(over="ignore"):
        rows = array.astype(np.float32)
    if not np.isfinite(rows).all():
        raise ArgumentError("the features hold a number that is not finite in float32")
    return rows


def as_edges(context: Any, n_nodes: int) -> NDArray[np.int64]:
    """Edges, int64 (2, edges); a graph without an edge has (2, 0).

    Raises:
        ArgumentError: none given, another shape, or an end that is no node.
    """
    if context is None:
        raise ArgumentError(
            "a node needs its graph: pass context=edges, whole numbers (2, edges); (2, 0) if there "
            "are none"
        )
    array = as_array(context, "edges")
    if array.ndim != 2 or array.shape[0] != 2 or (array.size and array.dtype.kind not in "iu"):
        raise ArgumentError(
            f"edges must be whole numbers (2, edges), got {array.dtype} {array.shape}"
        )
    edges = array.astype(np.int64)
    if edges.size and not 0 <= int(edges.min()) <= int(edges.max()) < n_nodes:
        raise ArgumentError(
            f"edges join the nodes {int(edges.min())} to {int(edges.max())}, and the features are "
            f"of the nodes 0 to {n_nodes - 1}"
        )
    return edges
