"""A small training, and a script that does it in each of several processes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tokkit.models.training.loop import train
from tokkit.models.training.options import TrainingOptions

OPTIONS = TrainingOptions(steps=12, learning_rate=0.05, evaluations=4, weight_decay=0.1)


def plain_network() -> Any:
    """Nothing in it depends on which batch a process has seen but the gradients."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))


def loss_of(model: Any, at: Callable[[int], None] = lambda _: None) -> Callable[[int], Any]:
    """Random batches by their number; `at` is called with it first."""

    def loss(batch: int) -> Any:
        at(batch)
        generator = torch.Generator().manual_seed(batch)
        inputs = torch.randn(5, 3, generator=generator)
        return (model(inputs) - inputs.sum(-1, keepdim=True)).square().mean()

    return loss


def main(folder: Path) -> None:
    """Train, and write down what this process has learned."""
    from torch import distributed

    model = plain_network()
    if (folder / "0.pt").exists():
        train(model, loss_of(model), OPTIONS, folder=folder)
    else:

        def stop(batch: int) -> None:
            if batch >= 10:
                raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            train(
                model, loss_of(model, stop), replace(OPTIONS, checkpoint_seconds=0), folder=folder
            )
    torch.save(model.state_dict(), folder / f"{distributed.get_rank()}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
