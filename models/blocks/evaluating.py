"""A network that is asked rather than trained."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def evaluating(network: torch.nn.Module) -> Generator[None]:
    """Within it there are no gradients, and the network is in its evaluation mode.

    Afterwards each part is in the mode that it was in.
    """
    trained = [each for each in network.modules() if each.training] if network.training else []
    if trained:
        network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for each in trained:
            each.training = True
