"""What the results of a model are held in: float64 for a model in float64, and float32 else."""

from __future__ import annotations

import numpy as np
import torch

from tokkit.bytelm.token_models.protocol import LogProbs


def result_dtype(dtype: torch.dtype) -> torch.dtype:
    """By the dtype of the weights."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def empty_results(shape: tuple[int, ...], dtype: torch.dtype) -> LogProbs:
    """An array for results of weights of a dtype, not filled."""
    return np.empty(shape, np.float64 if dtype == torch.float64 else np.float32)
