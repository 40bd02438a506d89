"""A network that is asked rather than trained."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def evaluating(network: torch.nn.Module) -> Generator[None]:
    """Within it there are no gradients, and the network is in its evaluation mode."""
    was_training = network.training
    if was_training:
        network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        if was_training:
            network.train()
