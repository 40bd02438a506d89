"""The first layer of a network over nodes, whose features are mostly zeros."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

_SPARSE_BELOW = 0.2
"""Share of numbers that are not zero, up to which a sparse product is the faster one."""


class FeatureLayer(nn.Module):
    """A linear map of features that are scaled to length 1."""

    def __init__(self, n_features: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_features, width))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: torch.Tensor, *, dropout: float = 0.0) -> torch.Tensor:
        """Map features.

        Args:
            x: float (nodes, n_features), scaled by `scaled`; dense or sparse.
            dropout: share of the features that are dropped, in training.

        Returns:
            float (nodes, width).
        """
        if not x.is_sparse:
            return functional.dropout(x, dropout, self.training) @ self.weight
        if self.training and dropout:
            values = functional.dropout(x.values(), dropout)
            x = torch.sparse_coo_tensor(
                x.indices(), values, x.shape, check_invariants=False, is_coalesced=True
            )
        return torch.sparse.mm(x, self.weight)


def scaled(x: torch.Tensor) -> torch.Tensor:
    """Features, float (nodes, features), of length 1; a node without any keeps none."""
    return functional.normalize(x, dim=1)


def sparse_if_few(x: torch.Tensor) -> torch.Tensor:
    """The same numbers, sparse where most are zero."""
    few = int(torch.count_nonzero(x)) < _SPARSE_BELOW * x.numel()
    return x.to_sparse().coalesce() if few else x
