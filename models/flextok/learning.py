"""What a `FlexTok` learns from pictures, in one step.

The paper's flow teaches encoder and decoder together; no code of its training was published, and a
flow alone takes far more steps than there are here. So codes are taught by what they are measured
by, the squared distance of expected pictures, by the first k codes for some k (nested dropout,
section 3.2); and the flow decoder learns to draw pictures by the codes as they are, on a share of
each batch, without moving them. The paper's term for features of another network (REPA) is left
out: there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from tokkit.models.flextok.config import FlexTokRecipe
from tokkit.models.flextok.flow_decoder import flow_times
from tokkit.models.flextok.search import nearest_first
from tokkit.models.training.options import TrainingOptions

_PULL = 0.05
"""Weight of the squared distance between what the encoder says first and the nearest code."""
_NO_ERROR = 1e-6
"""A squared distance that is as good as none, on a scale from -1 to 1: its logarithm is finite."""


def training_options(*, rate: float | None = None, **options: Any) -> TrainingOptions:
    """Options of a training that suit it.

    Args:
        rate: learning rate at its peak; None: 0.002.
        **options: further fields of `TrainingOptions`, such as its budget.

    Raises:
        ArgumentError: an option out of its range.
    """
    known: dict[str, Any] = {
        "learning_rate": 2e-3 if rate is None else rate,
        "weight_decay": 0.05,
        "betas": (0.9, 0.98),
        "final": 0.02,
    }
    return TrainingOptions(**{**known, **options})


def powers_of_two(n_tokens: int) -> tuple[int, ...]:
    """Those up to a number of ids, and the number itself.

    >>> powers_of_two(12)
    (1, 2, 4, 8, 12)
    """
    return (*(1 << k for k in range((n_tokens - 1).bit_length())), n_tokens)


def draw_lengths(recipe: FlexTokRecipe, n_tokens: int) -> tuple[int, ...]:
    """Different numbers of ids, increasing, for one step, by torch's generator."""
    if recipe.budgets:
        among = sorted(set(recipe.budgets))
    elif float(torch.rand(())) < recipe.powers:
        among = list(powers_of_two(n_tokens))
    else:
        among = list(range(1, n_tokens + 1))
    n = recipe.lengths
    first = among[:1] if n > 1 else []
    rest = among[len(first) :]
    order = torch.randperm(len(rest))[: n - len(first)]
    return (*first, *sorted(rest[place] for place in order.tolist()))


def moved(x: torch.Tensor, recipe: FlexTokRecipe) -> torch.Tensor:
    """Pictures as a step sees them: shifted a little, mirrored.

    Args:
        x: float (n, height, width, channels); shifted ones have their own border at the edge.
        recipe: by how much.
    """
    if recipe.flip:
        flips = torch.rand(len(x)) < 0.5
        x = torch.where(flips.to(x.device)[:, None, None, None], x.flip(2), x)
    if not recipe.shift:
        return x
    for axis in (1, 2):
        size = x.shape[axis]
        by = torch.randint(-recipe.shift, recipe.shift + 1, (len(x), 1))
        places = (torch.arange(size) + by).clamp(0, size - 1).to(x.device)
        index = places[:, :, None, None] if axis == 1 else places[:, None, :, None]
        x = torch.gather(x, axis, index.expand_as(x))
    return x


def step_loss(model: Any, x: torch.Tensor) -> torch.Tensor:
    """Of one batch, float (): the mean logarithm of the squared distances by some numbers of ids.

    So a decibel is worth the same whatever number of ids it is by.

    Args:
        model: a `FlexTok` in its training mode.
        x: float (n, height, width, channels), from -1 to 1.
    """
    recipe = model.config.recipe
    first = nearest_points(model, x) if float(torch.rand(())) < recipe.nearest else None
    bounded, values = model.coded(x, first)
    loss = x.new_zeros(())
    if first is not None:  # whose gradients reach the encoder, which is pulled there
        loss = _PULL * (first - bounded[:, 0]).square().sum(1).mean()
    lengths = draw_lengths(recipe, model.config.n_tokens)
    expected = model.mean_decoder.prefixes(values, lengths)
    errors = (expected - x).square().flatten(1).mean(1)
    loss = loss + (errors + _NO_ERROR).log().mean()
    n = round(recipe.flow_share * len(x))
    if not n:
        return loss
    return loss + flow_loss(model, x[:n], values[:n].detach())


def nearest_points(model: Any, x: torch.Tensor) -> torch.Tensor | None:
    """Points on the grid, float (n, columns), of the first codes that are nearest by themselves.

    None where there are too many codes to look at all, or one alone is not learned.
    """
    if 1 not in (model.config.recipe.budgets or (1,)):
        return None
    ids = nearest_first(model.mean_decoder, model.quantizer, x)
    return None if ids is None else model.quantizer.decode(ids).to(x.dtype)


def flow_loss(model: Any, x: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Mean squared distance of the flow's directions, which moves the flow decoder alone.

    Args:
        model: the `FlexTok` that has it.
        x: float (n, height, width, channels), from -1 to 1.
        codes: float (n, n_tokens, columns).
    """
    lengths = flow_lengths(model.config.recipe, model.config.n_tokens, len(x)).to(x.device)
    with torch.no_grad():
        expected = model.mean_decoder(codes, lengths)
    times = flow_times(len(x), x.device).to(x.dtype)
    noise = torch.randn(x.shape).to(x)
    share = times[:, None, None, None]
    noisy = (1 - share) * x + share * noise
    found = model.flow_decoder(noisy, times, expected, codes, lengths)
    return (found - (noise - x)).square().mean()


def flow_lengths(recipe: FlexTokRecipe, n_tokens: int, n: int) -> torch.Tensor:
    """How many ids each picture keeps, int64 (n,), 0 for those that learn to be drawn without."""
    drawn: list[Sequence[int]] = [draw_lengths(recipe, n_tokens) for _ in range(n)]
    kept = torch.tensor([each[int(torch.randint(len(each), ()))] for each in drawn])
    return torch.where(torch.rand(n) < recipe.unconditional, 0, kept)
