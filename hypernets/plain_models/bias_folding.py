"""Folding a bias of the output head into its rows, for classes that drop a bias.

Llama's head has no bias: one that is set is gone when the model is loaded again. If some direction
v has h·v = 1 for every hidden state h, then (row + b v)·h = row·h + b. No v does so exactly; the
nearest is the ridge regression of 1 on hidden states, and how near it comes is measured on states
that it was not fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError

_HELD_OUT = 0.2
_MIN_STATES = 10


@dataclass(frozen=True)
class FoldedBias:
    """Rows with a bias folded in.

    Attributes:
        rows: float32 (n, width).
        direction: float64 (width,), the v of h·v = 1.
        mean: of h·v over held-out hidden states; 1 is perfect.
        deviation: its standard deviation there; 0 is perfect.
        n_held_out: how many these were.
    """

    rows: NDArray[np.float32]
    direction: NDArray[np.float64]
    mean: float
    deviation: float
    n_held_out: int


def fold_bias(
    rows: NDArray[np.floating[Any]],
    bias: NDArray[np.floating[Any]],
    hidden: NDArray[np.floating[Any]],
    *,
    ridge: float = 1e-4,
    seed: int = 0,
) -> FoldedBias:
    """Rows whose logits are about those of `rows` plus `bias`.

    Args:
        rows: float (n, width) of the output matrix.
        bias: float (n,), one a token.
        hidden: float (states, width), what the head is given (`hypernets.head`); at least ten
            states, a fifth of which is held out.
        ridge: of the regression, as a share of the mean square of a component of `hidden`.
        seed: which states are held out.

    Returns:
        The rows, and how near h·v is to 1. The error of a logit is (h·v - 1) times its bias.

    Raises:
        ArgumentError: shapes that do not fit, too few states, or numbers that are not finite.
    """
    _check(rows, bias, hidden, ridge)
    states = np.asarray(hidden, dtype=np.float64)
    order = np.random.default_rng(seed).permutation(len(states))
    n_held_out = max(1, int(len(states) * _HELD_OUT))
    fitted, held_out = states[order[n_held_out:]], states[order[:n_held_out]]
    width = states.shape[1]
    gram = fitted.T @ fitted
    # At least so much that a direction no state has does not make the system singular.
    damping = max(ridge, 1e-12) * np.trace(gram) / width
    direction = np.linalg.solve(gram + damping * np.eye(width), fitted.sum(axis=0))
    found = held_out @ direction
    folded = rows + np.outer(np.asarray(bias, dtype=np.float64), direction)
    return FoldedBias(
        folded.astype(np.float32), direction, float(found.mean()), float(found.std()), n_held_out
    )


def _check(rows: Any, bias: Any, hidden: Any, ridge: float) -> None:
    if rows.ndim != 2 or bias.shape != rows.shape[:1]:
        raise ArgumentError(
            f"rows are {rows.shape} and the bias {bias.shape}; expected (n, width) and (n,)"
        )
    if hidden.ndim != 2 or hidden.shape[1] != rows.shape[1] or len(hidden) < _MIN_STATES:
        raise ArgumentError(
            f"hidden states are {hidden.shape}; expected at least {_MIN_STATES} of width "
            f"{rows.shape[1]}"
        )
    if not 0 <= ridge < float("inf"):
        raise ArgumentError(f"ridge is {ridge}; expected a number from 0 on")
    for name, values in (("rows", rows), ("bias", bias), ("hidden", hidden)):
        if not np.isfinite(values).all():
            raise ArgumentError(f"{name} holds numbers that are not finite; expected finite ones")
