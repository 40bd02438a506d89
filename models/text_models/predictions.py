"""From logits to nats: what a model's last layer says, in the precision that it is summed in."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tokkit.models.text_models.windows import NO_TARGET


def nats_of_rows(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """What the targets of each row cost.

    Args:
        logits: float (n, length, n_symbols); of half precision they are taken in float32.
        targets: int64 (n, length), `NO_TARGET` where there is nothing to predict.

    Returns:
        float (n,), nats, float32 or float64.
    """
    if logits.dtype not in (torch.float32, torch.float64):
        logits = logits.float()
    each = functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET, reduction="none"
    )
    return each.unflatten(0, targets.shape).sum(1)


def logprob_rows(logits: torch.Tensor) -> NDArray[np.float64]:
    """Log-probabilities, nats: float64 (..., n_symbols) of logits (..., n_symbols).

    Normalised in float64, so that each row sums to one to that precision.
    """
    return logits.double().log_softmax(-1).cpu().numpy()
