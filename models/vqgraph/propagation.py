"""How what nodes know spreads along edges: the mean of several hops, as one sparse matrix a hop.

With A the adjacency with self-loops and D its degrees, a hop is D^-1/2 A D^-1/2 (Kipf & Welling,
2017), and what is spread is the mean over 0 to k hops ("Graph Random Neural Networks", Feng et al.,
2020, equation 3). An isolated node keeps what it has. Nothing of nodes x nodes is ever dense, so a
graph takes memory for its edges.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


class Propagation:
    """One graph.

    Attributes:
        ends: int64 (2, k), the two nodes of each edge, in both directions, and of a loop at each
            node.
    """

    def __init__(
        self, edges: NDArray[np.int64], n_nodes: int, *, dtype: torch.dtype, device: torch.device
    ) -> None:
        """The matrix of a hop.

        Args:
            edges: int64 (2, edges), taken as undirected; loops and repetitions count once.
            n_nodes: all of them.
            dtype: of the numbers; those of less than four bytes are summed in float32.
            device: where they are.
        """
        own = np.arange(n_nodes, dtype=np.int64)
        ends = np.concatenate([edges, edges[::-1], np.stack([own, own])], axis=1)
        keys = np.unique(ends[0] * n_nodes + ends[1])
        rows, columns = keys // n_nodes, keys % n_nodes
        degrees = np.bincount(rows, minlength=n_nodes)
        weights = 1 / np.sqrt(degrees[rows].astype(np.float64) * degrees[columns])
        self.ends = torch.from_numpy(np.stack([rows, columns])).to(device)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support", UserWarning)
            self._hop = torch.sparse_csr_tensor(
                torch.from_numpy(np.concatenate([[0], np.cumsum(degrees)])).to(device),
                self.ends[1],
                torch.from_numpy(weights).to(torch.promote_types(dtype, torch.float32)).to(device),
                (n_nodes, n_nodes),
                check_invariants=False,
            )

    def spread(self, x: torch.Tensor, hops: int) -> torch.Tensor:
        """The mean over 0 to `hops` hops; float (nodes, width) of the same shape."""
        total = spread = x.to(self._hop.dtype)
        for _ in range(hops):
            spread = _Hop.apply(self._hop, spread)
            total = total + spread
        return (total / (hops + 1)).to(x.dtype)


class _Hop(torch.autograd.Function):
    """The product with a matrix that is its own transpose, so that the way back is the same one.

    PyTorch would transpose the matrix at each step, which takes ten times as long as the product.
    """

    @staticmethod
    def forward(ctx: Any, hop: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        ctx.hop = hop
        return hop @ x

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, ctx.hop @ grad_outputs[0]
