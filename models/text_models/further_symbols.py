"""Symbols after the next one, which a model may learn to predict beside it: `FurtherSymbols`.

"Better & Faster Large Language Models via Multi-token Prediction" (Gloeckle et al., ICML 2024):
each place predicts several symbols to come, which changes what its state has to hold. Here a
residual layer for each of them leads to the one head ("Medusa", Cai et al., ICML 2024, section
2.1.1, which has a head for each), and their mean cost counts 0.3 of the next symbol's (DeepSeek-V3,
section 2.2, equation 25, which also has a block for each). What a model says of a text does not
depend on them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from tokkit.models.text_models.predictions import nats_of_states
from tokkit.models.text_models.windows import NO_TARGET

WEIGHT = 0.3
Head = Callable[[torch.Tensor], torch.Tensor]


class FurtherSymbols(nn.Module):
    """A layer for each of the symbols after the next one."""

    def __init__(self, width: int, ahead: int) -> None:
        """Make the layers; their parameters are drawn by the model that they are of.

        Args:
            width: of the states.
            ahead: how many symbols, from the second on.
        """
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(ahead))

    def nats(self, states: torch.Tensor, head: Head, targets: torch.Tensor) -> torch.Tensor:
        """What the further symbols of each window cost, their mean: float (n,), nats.

        Args:
            states: float (n, length, width), what the head reads.
            head: gives logits, (rows, n_symbols), of states (rows, width).
            targets: int64 (n, length), the next symbol of each place.
        """
        total = torch.zeros(len(states), device=states.device)
        for k, layer in enumerate(self.layers, start=1):
            further = functional.pad(targets[:, k:], (0, min(k, targets.shape[1])), value=NO_TARGET)
            ahead = states + functional.silu(layer(states))
            total = total + nats_of_states(ahead, head, further)
        return total / len(self.layers)


def further_symbols(width: int, ahead: int) -> FurtherSymbols | None:
    """The layers; None for none."""
    return FurtherSymbols(width, ahead) if ahead else None


def nats_with_further(
    states: torch.Tensor, head: Head, targets: torch.Tensor, further: FurtherSymbols | None
) -> torch.Tensor:
    """What training minimises: the next symbols of each window, and the further ones if asked for.

    Returns:
        float (n,), nats.
    """
    nats = nats_of_states(states, head, targets)
    return nats if further is None else nats + WEIGHT * further.nats(states, head, targets)
