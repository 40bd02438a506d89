"""How much of a budget is used, and the learning rate there: linear warm-up, then a cosine."""

from __future__ import annotations

import math

from tokkit.models.training.options import TrainingOptions

_LEAST = 0.01
"""Of the peak: a budget of seconds begins at zero of them, and its first step should move."""


def progress_at(options: TrainingOptions, step: int, seconds: float) -> float:
    """The share of the budget that is used, 1 or more at its end; of two budgets the greater share.

    Args:
        options: that have the budget.
        step: updates made; half a step more is the middle of the next one.
        seconds: spent on them.
    """
    shares = [
        used / budget
        for used, budget in ((step, options.steps), (seconds, options.seconds))
        if budget is not None
    ]
    return max(shares)


def rate_at(options: TrainingOptions, progress: float) -> float:
    """The learning rate at a share of the budget.

    >>> options = TrainingOptions(steps=10, learning_rate=1.0, warmup=0.1, final=0.0)
    >>> [round(rate_at(options, share), 2) for share in (0.05, 0.1, 0.55, 1.0)]
    [0.5, 1.0, 0.5, 0.0]
    """
    if progress < options.warmup:
        return options.learning_rate * max(progress / options.warmup, _LEAST)
    done = min(1.0, (progress - options.warmup) / (1 - options.warmup))
    cosine = (1 + math.cos(math.pi * done)) / 2
    return options.learning_rate * (options.final + (1 - options.final) * cosine)
