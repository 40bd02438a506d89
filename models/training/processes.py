"""One process, or several that share a training, each with batches of its own.

`accelerate launch` (or torchrun) starts them and says so in the environment; Hugging Face
Accelerate connects them. Gradients are averaged here rather than by DistributedDataParallel,
because a loss is a function that may call the model in any way, and DDP must see every call.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tokkit.errors import UnsupportedError, needs_extra

if TYPE_CHECKING:
    import torch


class Processes:
    """This process alone.

    Attributes:
        rank: of this process.
        count: of all.
        device: where this process should compute; None for wherever the model is.
    """

    rank: int = 0
    count: int = 1
    device: str | None = None

    def share_start(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give every process the values of the first, in place."""

    def average(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Give every process the mean of the gradients, in place."""

    def sums(self, *values: float) -> list[float]:
        """Of each value over all processes."""
        return list(values)

    def firsts(self, *values: float) -> list[float]:
        """Each value as the first process has it."""
        return list(values)


class SeveralProcesses(Processes):
    """Those that `accelerate` has connected."""

    def __init__(self, *, cpu: bool) -> None:
        """Connect them.

        Args:
            cpu: whether they stay off GPUs.

        Raises:
            MissingExtraError: accelerate is not installed.
            UnsupportedError: it does not find those that the environment tells of.
        """
        with needs_extra("training in several processes needs accelerate", extra="hf"):
            from accelerate import PartialState
        import torch

        # By itself it looks for several processes on the CPU only where it is told that it is one.
        state: Any = PartialState(cpu=cpu or not torch.cuda.is_available())
        self.rank = state.process_index
        self.count = state.num_processes
        if self.count != (wanted := n_processes()):
            raise UnsupportedError(
                f"the environment tells of {wanted} processes, accelerate has connected "
                f"{self.count}; unset WORLD_SIZE to train in one"
            )
        self.device = str(state.device)

    def share_start(self, tensors: Iterable[torch.Tensor]) -> None:
        """Broadcast, in place."""
        from torch import distributed

        for each in tensors:
            distributed.broadcast(each, src=0)

    def average(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """All-reduce; a gradient that a process lacks counts as zero."""
        import torch
        from torch import distributed

        for each in parameters:
            if each.grad is None:
                each.grad = torch.zeros_like(each)
            distributed.all_reduce(each.grad)
            each.grad /= self.count

    def sums(self, *values: float) -> list[float]:
        """All-reduce of numbers."""
        import torch
        from torch import distributed

        numbers = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(numbers)
        return numbers.tolist()

    def firsts(self, *values: float) -> list[float]:
        """Broadcast of numbers."""
        return self.sums(*(value if self.rank == 0 else 0.0 for value in values))


def connected(*, cpu: bool) -> Processes:
    """The processes that the environment tells of; with `cpu` they stay off GPUs."""
    return SeveralProcesses(cpu=cpu) if n_processes() > 1 else Processes()


def is_first() -> bool:
    """Whether this is the first of the processes that the environment tells of."""
    return os.environ.get("RANK", "0") == "0"


def refuse_several(what: str, why: str) -> None:
    """Refuse to train what one process trains.

    Raises:
        UnsupportedError: the environment tells of several.
    """
    if n_processes() > 1:
        raise UnsupportedError(f"{what} is trained in one process, for {why}; unset WORLD_SIZE")


def n_processes() -> int:
    """How many there are, by what the environment tells."""
    return int(os.environ.get("WORLD_SIZE", "1"))
