"""Output rows fitted to hidden states, in closed form: marginals, and one Newton step on the rows.

Given the last hidden states of a text at the borders of new tokens, and the token that came next,
the output rows of a heuristic are corrected without gradient training:

- *marginals*: a token that is expected more often than it comes gets a lower bias, by the logarithm
  of the ratio of its count to its expected count (one round of iterative proportional fitting);
- *rows*: one step of Newton's method for the logistic regression of the next token, damped by a
  ridge. The Hessian of a row is taken as its expected count times the second moment of all states,
  so that one eigendecomposition serves every row.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_ROWS_AT_ONCE = 1024
SMOOTHING = 0.2
"""Added to counts and expected counts, so that what never came keeps a finite bias."""


def fit_marginals(
    outputs: Floats, bias: Floats, states: Floats, tokens: NDArray[np.int64]
) -> Floats:
    """The bias with which each token is expected about as often as it comes.

    Args:
        outputs: float32 (n, width), the output rows.
        bias: float32 (n,), nats.
        states: float32 (m, width), last hidden states.
        tokens: int64 (m,), the token after each.

    Returns:
        float32 (n,), the corrected bias.
    """
    expected = np.zeros(len(bias))
    for _, chunk in _distributions(outputs, bias, states):
        expected += chunk.sum(0, dtype=np.float64)
    counts = np.bincount(tokens, minlength=len(bias))
    shift = np.log((counts + SMOOTHING) / (expected + SMOOTHING))
    return (bias + shift).astype(np.float32)


def newton_step(
    outputs: Floats,
    bias: Floats,
    states: Floats,
    tokens: NDArray[np.int64],
    *,
    ridge: float,
    damping: float = 1.0,
) -> Floats:
    """One damped Newton step of the rows for the log-loss of `tokens` after `states`.

    Args:
        outputs: float32 (n, width), the output rows.
        bias: float32 (n,), nats; it is left as it is.
        states: float32 (m, width), last hidden states.
        tokens: int64 (m,), the token after each.
        ridge: pseudo-count by which a row is held where it is, beside its expected count.
        damping: share of the step that is taken.

    Returns:
        float32 (n, width), the new rows.
    """
    moment = (states.T @ states).astype(np.float64) / len(states)
    values, vectors = np.linalg.eigh(moment)
    gradient = np.zeros(outputs.shape, dtype=np.float32)
    expected = np.zeros(len(bias))
    for first, chunk in _distributions(outputs, bias, states):
        part = states[first : first + len(chunk)]
        gradient -= chunk.T @ part
        expected += chunk.sum(0, dtype=np.float64)
        np.add.at(gradient, tokens[first : first + len(chunk)], part)
    turned = gradient @ vectors.astype(np.float32)
    turned /= (expected[:, None] * values + ridge * values.mean()).astype(np.float32)
    return outputs + np.float32(damping) * (turned @ vectors.T.astype(np.float32))


def log_loss(outputs: Floats, bias: Floats, states: Floats, tokens: NDArray[np.int64]) -> float:
    """Mean nats of `tokens` after `states`."""
    total = 0.0
    for first, chunk in _distributions(outputs, bias, states):
        chosen = chunk[np.arange(len(chunk)), tokens[first : first + len(chunk)]]
        total -= float(np.log(np.maximum(chosen, np.finfo(np.float32).tiny)).sum(dtype=np.float64))
    return total / max(len(tokens), 1)


def _distributions(outputs: Floats, bias: Floats, states: Floats) -> Iterator[tuple[int, Floats]]:
    """The first row of each chunk of `states`, and the distributions (rows, n) after them."""
    for first in range(0, len(states), _ROWS_AT_ONCE):
        logits = states[first : first + _ROWS_AT_ONCE] @ outputs.T
        logits += bias
        logits -= logits.max(1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(1, keepdims=True)
        yield first, logits
