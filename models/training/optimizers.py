"""AdamW (Loshchilov & Hutter, 2019) over groups of parameters: what decays, what learns faster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tokkit.errors import ArgumentError
from tokkit.models.training.options import TrainingOptions

if TYPE_CHECKING:
    import torch

FACTOR = "factor"
"""Key of a group: what the scheduled learning rate is multiplied by for it."""


def trained_parameters(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Those that want a gradient, by name; shared ones once.

    Raises:
        ArgumentError: none does.
    """
    found = {name: each for name, each in model.named_parameters() if each.requires_grad}
    if not found:
        raise ArgumentError("no parameter of the model wants a gradient; there is nothing to train")
    return found


def adamw(
    parameters: Mapping[str, torch.nn.Parameter],
    options: TrainingOptions,
    factors: Mapping[str, float],
) -> torch.optim.AdamW:
    """The optimiser, with a group for each factor, and for parameters that decay and others.

    Args:
        parameters: by name.
        options: of the training.
        factors: what the learning rate of a parameter is multiplied by, by its name; 1 if not here.

    Raises:
        ArgumentError: a factor for a parameter that is not there.
    """
    import torch

    if unknown := sorted(factors.keys() - parameters.keys()):
        raise ArgumentError(
            f"a factor for {unknown[0]!r}, but the trained parameters are {', '.join(parameters)}"
        )
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in parameters.items():
        decay = options.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((factors.get(name, 1.0), decay), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": members, "weight_decay": decay, FACTOR: factor}
            for (factor, decay), members in groups.items()
        ],
        lr=options.learning_rate,
        betas=options.betas,
        eps=options.epsilon,
        fused=True,  # one pass over memory: large tables of rows cost more there than in products
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its multiple of the scheduled rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group[FACTOR]
