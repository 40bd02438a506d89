"""A network that is asked rather than trained."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def evaluating(network: torch.nn.Module) -> Generator[None]:
    """Within it there are no gradients, and every part of the network is in its evaluation mode.

    Afterwards each part is in the mode that it was in.
    """
    trained = _in_training(network)
    if trained:
        network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for each in trained:
            each.training = True


def _in_training(network: torch.nn.Module) -> list[torch.nn.Module]:
    """Its parts in training mode; quicker than by `modules()`, as each byte asks a model."""
    found: list[torch.nn.Module] = []
    left = [network]
    while left:
        each = left.pop()
        if each.training:
            found.append(each)
        left.extend(each.children())
    return found
