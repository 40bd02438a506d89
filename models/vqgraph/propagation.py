"""How what nodes know spreads along edges: the mean of several hops, as one sparse matrix a hop.

With A the adjacency with self-loops and D its degrees, a hop is D^-1/2 A D^-1/2 (Kipf & Welling,
2017), and what is spread is the mean over 0 to k hops ("Graph Random Neural Networks", Feng et al.,
2020, equation 3). An isolated node keeps what it has. Nothing of nodes x nodes is ever dense, so a
graph takes memory for its edges.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray


class Propagation:
    """One graph."""

    def __init__(
        self, edges: NDArray[np.int64], n_nodes: int, *, dtype: torch.dtype, device: torch.device
    ) -> None:
        """The matrix of a hop.

        Args:
            edges: int64 (2, edges), taken as undirected; loops and repetitions count once.
            n_nodes: all of them.
            dtype: of the numbers.
            device: where they are.
        """
        own = np.arange(n_nodes, dtype=np.int64)
        ends = np.concatenate([edges, edges[::-1], np.stack([own, own])], axis=1)
        keys = np.unique(ends[0] * n_nodes + ends[1])
        rows, columns = keys // n_nodes, keys % n_nodes
        degrees = np.bincount(rows, minlength=n_nodes).astype(np.float64)
        weights = 1 / np.sqrt(degrees[rows] * degrees[columns])
        self.hop = torch.sparse_coo_tensor(
            torch.from_numpy(np.stack([rows, columns])),
            torch.from_numpy(weights).to(dtype),
            (n_nodes, n_nodes),
            check_invariants=False,
            is_coalesced=True,  # sorted and without repetitions, by `unique`
        ).to(device)

    def spread(self, x: torch.Tensor, hops: int) -> torch.Tensor:
        """The mean over 0 to `hops` hops; float (nodes, width) of the same shape."""
        total = x
        for _ in range(hops):
            x = torch.sparse.mm(self.hop, x)
            total = total + x
        return total / (hops + 1)
