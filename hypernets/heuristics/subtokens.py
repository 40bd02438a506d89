"""The usual heuristics: each new row is a weighted sum of the rows of the token's parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tokkit.hypernets.alignment import Weighting
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import Floats, TransferTask


def random_rows(task: TransferTask) -> Rows:
    """Rows drawn from the normal distribution of the old rows, column by column.

    Copied tokens keep theirs. It is what a resize without thought gives.
    """
    generator = np.random.default_rng(task.seed)

    def drawn(rows: Floats) -> Floats:
        made = task.weighted(rows, "mean")
        noise = generator.standard_normal((int(task.new.sum()), rows.shape[1]))
        made[task.new] = rows.mean(axis=0) + rows.std(axis=0) * noise
        return made

    return _of_both(task, drawn, drawn)


def mean(task: TransferTask) -> Rows:
    """The mean of the parts: FVT (Gee et al., "Fast Vocabulary Transfer", EMNLP 2022)."""
    return _of_both(task, _sums(task, "mean"), _sums(task, "mean"))


def first_last(task: TransferTask) -> Rows:
    """The input row of the last part and the output row of the first.

    A model reads the end of a token last, and predicts its beginning first. Tied rows are untied.
    """
    return _of_both(task, _sums(task, "last"), _sums(task, "first"), untie=True)


def front_loaded(task: TransferTask) -> Rows:
    """A mean in which each part weighs e times as much as the next."""
    return _of_both(task, _sums(task, "front_loaded"), _sums(task, "front_loaded"))


def mean_bias(task: TransferTask) -> Floats | None:
    """float32 (n_target,): the mean bias of the parts, for heads that have one."""
    return None if task.bias is None else task.weighted(task.bias[:, None], "mean")[:, 0]


def _sums(task: TransferTask, kind: Weighting) -> Callable[[Floats], Floats]:
    return lambda rows: task.weighted(rows, kind)


def _of_both(
    task: TransferTask,
    of_inputs: Callable[[Floats], Floats],
    of_outputs: Callable[[Floats], Floats],
    *,
    untie: bool = False,
) -> Rows:
    old = task.inputs if task.outputs is None else task.outputs
    outputs = None if task.tied and not untie else of_outputs(old)
    return Rows(of_inputs(task.inputs), outputs, mean_bias(task))
