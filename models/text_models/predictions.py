"""From logits to nats: what a model's last layer says, in the precision that it is summed in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tokkit.models.text_models.windows import NO_TARGET


def nats_of_states(
    states: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor], targets: torch.Tensor
) -> torch.Tensor:
    """What the targets of each text cost.

    Args:
        states: float (n, length, width), what the head reads.
        head: gives logits, float (rows, n_symbols), of states (rows, width); those of half
            precision are taken in float32. It is asked for rows that have a target, alone.
        targets: int64 (n, length), `NO_TARGET` where there is nothing to predict.

    Returns:
        float (n,), nats, float32 or float64.
    """
    asked = targets != NO_TARGET
    logits = head(states[asked])
    if logits.dtype not in (torch.float32, torch.float64):
        logits = logits.float()
    each = functional.cross_entropy(logits, targets[asked], reduction="none")
    return each.new_zeros(targets.shape).masked_scatter(asked, each).sum(1)


def logprob_rows(logits: torch.Tensor) -> NDArray[np.float64]:
    """Log-probabilities, nats: float64 (..., n_symbols) of logits (..., n_symbols).

    Normalised in float64, so that each row sums to one to that precision.
    """
    return logits.double().log_softmax(-1).cpu().numpy()
